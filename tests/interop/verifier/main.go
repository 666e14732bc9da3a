// Verifier checks logs of this project from outside, with the notes, trees and proofs of golang.org/x/mod/sumdb
// and nothing of the library that wrote them.
//
//	verifier checkpoint  -key VKEY FILE
//	verifier log         -key VKEY -checkpoint FILE LOG.jsonl
//	verifier proof       -key VKEY -record FILE PROOF.tlog-proof
//	verifier consistency -key VKEY -old CHECKPOINT -new CHECKPOINT FILE
//
// It exits with 0 when all that was asked for is verified, with 1 when something is refuted, and with 2 when it
// was called wrongly or cannot read what it was given.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const usage = `called wrongly; usage:
  verifier checkpoint  -key VKEY FILE
  verifier log         -key VKEY -checkpoint FILE LOG.jsonl
  verifier proof       -key VKEY -record FILE PROOF.tlog-proof
  verifier consistency -key VKEY -old CHECKPOINT -new CHECKPOINT FILE`

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "verifier:", err)
	var refuted refutation
	if errors.As(err, &refuted) {
		os.Exit(1)
	}
	os.Exit(2)
}

// A refutation says what does not hold. Every other error says that nothing was found out.
type refutation string

func (r refutation) Error() string { return string(r) }

func refute(format string, args ...any) error {
	return refutation(fmt.Sprintf(format, args...))
}

// commands are what there is to do, and the flags that each takes beside -key, which all name files.
var commands = map[string]struct {
	run   func(c *call) error
	flags []string
}{
	"checkpoint":  {runCheckpoint, nil},
	"log":         {runLog, []string{"checkpoint"}},
	"proof":       {runProof, []string{"record"}},
	"consistency": {runConsistency, []string{"old", "new"}},
}

// A call is what a command was called with.
type call struct {
	key            logKey
	file           string // the argument behind the flags
	flags          map[string]string
	stdout, stderr io.Writer
}

func run(args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	command, known := commands[args[0]]
	if !known {
		return errors.New(usage)
	}
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	set.SetOutput(io.Discard)
	key := set.String("key", "", "the log's verifier key")
	values := make([]string, len(command.flags))
	for i, name := range command.flags {
		set.StringVar(&values[i], name, "", "a file")
	}
	if err := set.Parse(args[1:]); err != nil {
		return fmt.Errorf("%w\n%s", err, usage)
	}
	if set.NArg() != 1 {
		return errors.New(usage)
	}
	c := &call{file: set.Arg(0), flags: map[string]string{}, stdout: stdout, stderr: stderr}
	for i, name := range command.flags {
		if values[i] == "" {
			return fmt.Errorf("no -%s\n%s", name, usage)
		}
		c.flags[name] = values[i]
	}
	var err error
	if c.key, err = parseKey(*key); err != nil {
		return fmt.Errorf("-key: %w", err)
	}
	return command.run(c)
}

func (c *call) readCheckpoint(file string) (checkpoint, error) {
	msg, err := os.ReadFile(file)
	if err != nil {
		return checkpoint{}, err
	}
	opened, err := openCheckpoint(msg, c.key)
	if err != nil {
		return checkpoint{}, fmt.Errorf("%s: %w", file, err)
	}
	return opened, nil
}

func runCheckpoint(c *call) error {
	opened, err := c.readCheckpoint(c.file)
	if err != nil {
		return err
	}
	// The origin is the name of the key.
	words := []any{c.key.notes.Name(), opened.N, opened.Hash}
	if !opened.signedAt.IsZero() {
		words = append(words, opened.signedAt.Format(time.RFC3339))
	}
	fmt.Fprintln(c.stdout, words...)
	return nil
}

func runLog(c *call) error {
	signed, err := c.readCheckpoint(c.flags["checkpoint"])
	if err != nil {
		return err
	}
	file, err := os.Open(c.file)
	if err != nil {
		return err
	}
	defer file.Close()
	tree, skipped, err := readTree(file, signed.N)
	if err != nil {
		return err
	}
	if skipped > 0 {
		fmt.Fprintf(c.stderr, "verifier: %s: passed over %d lines that are no record\n", c.file, skipped)
	}
	if tree.N < signed.N {
		return refute("%s: has %d records, the checkpoint %d", c.file, tree.N, signed.N)
	}
	if tree.Hash != signed.Hash {
		return refute("%s: the root of its first %d records is %v, the checkpoint's is %v",
			c.file, tree.N, tree.Hash, signed.Hash)
	}
	fmt.Fprintln(c.stdout, "ok", tree.N, tree.Hash)
	return nil
}

func runProof(c *call) error {
	record, err := os.ReadFile(c.flags["record"])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return err
	}
	proof, err := parseProof(text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.file, err)
	}
	tree, err := openCheckpoint(proof.checkpoint, c.key)
	if err != nil {
		return fmt.Errorf("%s: %w", c.file, err)
	}
	// No record holds a newline, so the one with which a file may end is none of it.
	leaf := tlog.RecordHash(bytes.TrimSuffix(record, []byte("\n")))
	if err := tlog.CheckRecord(proof.hashes, tree.N, tree.Hash, proof.index, leaf); err != nil {
		return refute("%s: does not prove that record %d of %d is this one: %v",
			c.file, proof.index, tree.N, err)
	}
	fmt.Fprintln(c.stdout, "ok", proof.index, tree.N, tree.Hash)
	return nil
}

func runConsistency(c *call) error {
	before, err := c.readCheckpoint(c.flags["old"])
	if err != nil {
		return err
	}
	after, err := c.readCheckpoint(c.flags["new"])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return err
	}
	var hashes []tlog.Hash
	if lines := strings.TrimSuffix(string(text), "\n"); lines != "" {
		if hashes, err = parseHashes(strings.Split(lines, "\n")); err != nil {
			return fmt.Errorf("%s: %w", c.file, err)
		}
	}
	if err := checkTree(hashes, before.Tree, after.Tree); err != nil {
		return refute("%s: does not prove that the tree of %d records begins with that of %d: %v",
			c.file, after.N, before.N, err)
	}
	fmt.Fprintln(c.stdout, "ok", before.N, after.N, after.Hash)
	return nil
}

// checkTree is tlog.CheckTree, which refuses the empty tree: every tree begins with that, and nothing is
// needed to prove it.
func checkTree(proof tlog.TreeProof, before, after tlog.Tree) error {
	if before.N > 0 {
		return tlog.CheckTree(proof, after.N, after.Hash, before.N, before.Hash)
	}
	if len(proof) > 0 {
		return errors.New("a proof from the empty tree has no hashes")
	}
	return nil
}
