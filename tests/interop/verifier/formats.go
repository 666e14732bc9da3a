package main

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxTreeSize is where the arithmetic of package tlog ends; beyond it, it does not return.
const maxTreeSize = 1 << 62

// emptyRoot is the root of a tree without records, RFC 6962, section 2.1. Package tlog has zeros in its place
// before version 0.19 of golang.org/x/mod.
var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// A logKey is what a log's verifier key verifies: the signatures of its notes, and when they were made.
type logKey struct {
	notes note.Verifier
	times *cosignatureVerifier
}

func parseKey(vkey string) (logKey, error) {
	notes, err := note.NewVerifier(vkey)
	if err != nil {
		return logKey{}, err
	}
	times, err := newCosignatureVerifier(vkey)
	return logKey{notes, times}, err
}

// A checkpoint says which tree a log had, and when, if its signer states that.
type checkpoint struct {
	tlog.Tree
	signedAt time.Time // zero if it is not stated
}

// openCheckpoint verifies and parses a checkpoint, c2sp.org/tlog-checkpoint: a note signed by the key, whose
// origin is the key's name.
func openCheckpoint(msg []byte, key logKey) (checkpoint, error) {
	signed, err := note.Open(msg, note.VerifierList(key.notes, key.times))
	if err != nil {
		return checkpoint{}, refute("checkpoint: %v", err)
	}
	var opened checkpoint
	isSigned := false
	for _, signature := range signed.Sigs {
		if signature.Hash == key.notes.KeyHash() {
			isSigned = true
		} else if opened.signedAt, err = timeOf(signature); err != nil {
			return checkpoint{}, err
		}
	}
	if !isSigned {
		return checkpoint{}, refute("checkpoint: the key states the time and has not signed it")
	}
	opened.Tree, err = parseCheckpoint(signed.Text, key.notes.Name())
	return opened, err
}

func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	// The text ends in a newline, so the last of the lines is empty.
	lines := strings.Split(text, "\n")
	lines = lines[:len(lines)-1]
	if len(lines) < 3 {
		return tlog.Tree{}, refute("checkpoint: fewer than three lines")
	}
	for _, line := range lines {
		if line == "" {
			return tlog.Tree{}, refute("checkpoint: an empty line")
		}
	}
	if lines[0] != origin {
		return tlog.Tree{}, refute("checkpoint: its origin is %q, the key's name %q", lines[0], origin)
	}
	size, ok := parseDecimal(lines[1])
	if !ok || size > maxTreeSize {
		return tlog.Tree{}, refute("checkpoint: malformed size %q", lines[1])
	}
	root, ok := parseHash(lines[2])
	if !ok {
		return tlog.Tree{}, refute("checkpoint: malformed root %q", lines[2])
	}
	if size == 0 && root != emptyRoot {
		return tlog.Tree{}, refute("checkpoint: the root of an empty log is %v, not %v", emptyRoot, root)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// A recordProof is a parsed c2sp.org/tlog-proof@v1.
type recordProof struct {
	index      int64
	hashes     tlog.RecordProof
	checkpoint []byte
}

func parseProof(text []byte) (recordProof, error) {
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	if !found {
		return recordProof{}, refute("proof: no empty line")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return recordProof{}, refute("proof: does not begin with c2sp.org/tlog-proof@v1")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		// It is not authenticated, and nothing here depends on it.
		if _, ok := parseBase64(strings.TrimPrefix(lines[0], "extra ")); !ok {
			return recordProof{}, refute("proof: malformed extra data")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return recordProof{}, refute("proof: no index")
	}
	index, ok := parseDecimal(strings.TrimPrefix(lines[0], "index "))
	if !ok {
		return recordProof{}, refute("proof: malformed index")
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return recordProof{}, err
	}
	return recordProof{index: index, hashes: hashes, checkpoint: []byte(checkpoint)}, nil
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		hash, ok := parseHash(line)
		if !ok {
			return nil, refute("malformed hash %q", line)
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// parseDecimal parses a number as it is written: no sign, no zeros before it.
func parseDecimal(text string) (int64, bool) {
	value, err := strconv.ParseInt(text, 10, 64)
	return value, err == nil && value >= 0 && strconv.FormatInt(value, 10) == text
}

func parseHash(text string) (tlog.Hash, bool) {
	data, ok := parseBase64(text)
	if !ok || len(data) != tlog.HashSize {
		return tlog.Hash{}, false
	}
	return *(*tlog.Hash)(data), true
}

// parseBase64 parses the one base64 text of some bytes. The decoder alone would let line breaks pass, and bits
// behind the last byte.
func parseBase64(text string) ([]byte, bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	return data, err == nil && base64.StdEncoding.EncodeToString(data) == text
}
