// Runs one command with github.com/masterzen/winrm and prints what came of it as JSON.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"time"

	"github.com/masterzen/winrm"
)

type outcome struct {
	Stdout, Stderr, Error string
	Code                  int
}

func main() {
	host := flag.String("host", "127.0.0.1", "the host's name")
	port := flag.Int("port", 5986, "the port of HTTPS")
	user := flag.String("user", "", "who logs on")
	ntlm := flag.Bool("ntlm", false, "log on with NTLM rather than Basic")
	stdin := flag.String("stdin", "", "what the program reads")
	flag.Parse()

	parameters := winrm.NewParameters("PT60S", "en-US", 153600)
	if *ntlm {
		parameters.TransportDecorator = func() winrm.Transporter { return &winrm.ClientNTLM{} }
	}
	endpoint := winrm.NewEndpoint(*host, *port, true, true, nil, nil, nil, 30*time.Second)
	var found outcome
	client, err := winrm.NewClientWithParameters(endpoint, *user, os.Getenv("WINDLASS_PASSWORD"), parameters)
	if err == nil {
		var stdout, stderr bytes.Buffer
		found.Code, err = client.RunWithInput(flag.Arg(0), &stdout, &stderr, strings.NewReader(*stdin))
		found.Stdout, found.Stderr = stdout.String(), stderr.String()
	}
	if err != nil {
		found.Error = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
