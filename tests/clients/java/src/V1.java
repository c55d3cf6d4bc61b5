import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.regions.DefaultAwsRegionProviderChain;
import com.amazonaws.util.EC2MetadataUtils;

/** A program with the AWS SDK for Java, version 1: it prints which credentials, region and account it finds. */
final class V1 {
  public static void main(String[] arguments) {
    System.out.printf(
        "{\"key\": \"%s\", \"region\": \"%s\", \"account\": \"%s\", \"profile\": \"%s\"}%n",
        new DefaultAWSCredentialsProviderChain().getCredentials().getAWSAccessKeyId(),
        new DefaultAwsRegionProviderChain().getRegion(),
        EC2MetadataUtils.getInstanceInfo().getAccountId(),
        EC2MetadataUtils.getIAMInstanceProfileInfo().instanceProfileArn);
  }
}
