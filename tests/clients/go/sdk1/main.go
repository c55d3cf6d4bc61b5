// A program with the AWS SDK for Go, version 1: it prints which credentials, region and account it finds.
package main

import (
	"encoding/json"
	"os"

	"github.com/aws/aws-sdk-go/aws/ec2metadata"
	"github.com/aws/aws-sdk-go/aws/session"
)

func main() {
	found, err := session.NewSession()
	must(err)
	metadata := ec2metadata.New(found)
	if !metadata.Available() {
		panic("the SDK takes it that there is no metadata service")
	}
	region, err := metadata.Region()
	must(err)
	document, err := metadata.GetInstanceIdentityDocument()
	must(err)
	profile, err := metadata.IAMInfo()
	must(err)
	keys, err := found.Config.Credentials.Get()
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"key": keys.AccessKeyID, "region": region, "account": document.AccountID, "profile": profile.InstanceProfileArn,
	}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
