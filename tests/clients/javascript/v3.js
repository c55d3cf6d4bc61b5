// A program with the AWS SDK for JavaScript, version 3: it prints which credentials and region it finds.
// MetadataService puts a slash before each path, so this asks for /latest/... and not for //latest/...
import { MetadataService } from "@aws-sdk/ec2-metadata-service";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

const { accessKeyId } = await fromNodeProviderChain()();
const region = await new MetadataService({}).request("latest/meta-data/placement/region", {});
console.log(JSON.stringify({ key: accessKeyId, region }));
