// Signer makes keys and signs notes with golang.org/x/mod/sumdb/note, so that this project's code can be tried on
// what it has not made itself.
//
//	signer generate NAME
//	signer sign SIGNING-KEY-FILE TEXT-FILE
//
// The first prints a signing key and its verifier key, a line each; the second a signed note.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "signer:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "generate":
		return generate(args[1])
	case len(args) == 3 && args[0] == "sign":
		return sign(args[1], args[2])
	}
	return errors.New("called wrongly; usage:\n  signer generate NAME\n  signer sign SIGNING-KEY-FILE TEXT-FILE")
}

func generate(name string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s\n%s\n", skey, vkey)
	return err
}

func sign(keyFile, textFile string) error {
	skey, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(strings.TrimSuffix(string(skey), "\n"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(textFile)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(signed)
	return err
}
