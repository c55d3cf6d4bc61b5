import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.regions.internal.util.EC2MetadataUtils;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;

/** A program with the AWS SDK for Java, version 2: it prints which credentials, region and account it finds. */
final class V2 {
  public static void main(String[] arguments) {
    System.out.printf(
        "{\"key\": \"%s\", \"region\": \"%s\", \"account\": \"%s\"}%n",
        DefaultCredentialsProvider.builder().build().resolveCredentials().accessKeyId(),
        new DefaultAwsRegionProviderChain().getRegion(),
        EC2MetadataUtils.getInstanceInfo().getAccountId());
  }
}
