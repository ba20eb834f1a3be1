// The example of go-auth0's documentation for CIBA ("Complete CIBA Flow Example"). Changed are the domain, whose certificate
// is believed, and the credentials, which LoginWithGrant does not add by itself; nothing else.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/auth0/go-auth0/v2/authentication"
	"github.com/auth0/go-auth0/v2/authentication/ciba"
	"github.com/auth0/go-auth0/v2/authentication/oauth"
)

func main() {
	ctx := context.Background()
	domain, clientID, clientSecret := os.Getenv("AUTH0_DOMAIN"), os.Getenv("AUTH0_CLIENT_ID"), os.Getenv("AUTH0_CLIENT_SECRET")

	auth, err := authentication.New(
		ctx,
		domain,
		authentication.WithClientID(clientID),
		authentication.WithClientSecret(clientSecret),
		authentication.WithClient(trusting(os.Getenv("SSL_CERT_FILE"))),
	)
	if err != nil {
		log.Fatal(err)
	}

	cibaResponse, err := auth.CIBA.Initiate(
		ctx,
		ciba.Request{
			LoginHint: map[string]string{
				"format": "iss_sub",
				"iss":    "https://" + domain + "/",
				"sub":    os.Getenv("AUTH0_USER"),
			},
			Scope:          "openid profile email",
			BindingMessage: "Approve login to your account",
			Audience:       "https://api.example.com",
		},
	)
	if err != nil {
		log.Fatalf("Failed to initiate CIBA: %v", err)
	}

	fmt.Printf("CIBA initiated. Auth Request ID: %s\n", cibaResponse.AuthReqID)
	fmt.Printf("Polling interval: %d seconds\n", cibaResponse.Interval)

	ticker := time.NewTicker(time.Duration(cibaResponse.Interval) * time.Second)
	defer ticker.Stop()

	timeout := time.After(time.Duration(cibaResponse.ExpiresIn) * time.Second)

	for {
		select {
		case <-timeout:
			log.Fatal("CIBA request timed out")

		case <-ticker.C:
			tokens, err := auth.OAuth.LoginWithGrant(
				ctx,
				"urn:openid:params:grant-type:ciba",
				map[string][]string{
					"auth_req_id":   {cibaResponse.AuthReqID},
					"client_id":     {clientID},
					"client_secret": {clientSecret},
				},
				oauth.IDTokenValidationOptions{},
			)

			if err != nil {
				if aerr, ok := err.(*authentication.Error); ok {
					if aerr.Err == "authorization_pending" {
						fmt.Println("Still waiting for user approval...")
						continue
					} else if aerr.Err == "slow_down" {
						ticker.Reset(time.Duration(cibaResponse.Interval+5) * time.Second)
						continue
					}
				}
				log.Fatalf("Failed to get token: %v", err)
			}

			fmt.Println("\nAuthentication successful!")
			fmt.Println("Access Token:", tokens.AccessToken)
			fmt.Println("ID Token:", tokens.IDToken)
			return
		}
	}
}

// trusting is a client that believes the authority in this file and no other.
func trusting(file string) *http.Client {
	pem, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		log.Fatalf("%s holds no certificate", file)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}
