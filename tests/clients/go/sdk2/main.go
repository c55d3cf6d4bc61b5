// A program with the AWS SDK for Go, version 2: it prints which credentials, region and account it finds.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

func main() {
	ctx := context.Background()
	found, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSRegion())
	must(err)
	metadata := imds.NewFromConfig(found)
	document, err := metadata.GetInstanceIdentityDocument(ctx, nil)
	must(err)
	profile, err := metadata.GetIAMInfo(ctx, nil)
	must(err)
	keys, err := found.Credentials.Retrieve(ctx)
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"key": keys.AccessKeyID, "region": found.Region, "account": document.AccountID, "profile": profile.InstanceProfileArn,
	}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
