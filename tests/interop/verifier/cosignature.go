package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// timeBytes is how many bytes before the signature state the time, c2sp.org/tlog-cosignature.
const timeBytes = 8

// maxSeconds is the end of the year 9999, the last that can be written as usual.
const maxSeconds = 253402300799

// A cosignatureVerifier verifies what a key states as a cosigner: that it saw a checkpoint, and when. Package note
// knows nothing of such signatures.
type cosignatureVerifier struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

// newCosignatureVerifier makes one of a verifier key, with which note.NewVerifier has found nothing wrong.
func newCosignatureVerifier(vkey string) (*cosignatureVerifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed verifier key")
	}
	data, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(data) != 1+ed25519.PublicKeySize {
		return nil, errors.New("malformed verifier key")
	}
	name, public := parts[0], data[1:]
	// Type 4 says Ed25519 with a time; as a key that signs notes it has type 1, and so another id.
	id := sha256.Sum256(append([]byte(name+"\n\x04"), public...))
	return &cosignatureVerifier{name, binary.BigEndian.Uint32(id[:]), public}, nil
}

func (v *cosignatureVerifier) Name() string    { return v.name }
func (v *cosignatureVerifier) KeyHash() uint32 { return v.hash }

// Verify implements note.Verifier.
func (v *cosignatureVerifier) Verify(text, signature []byte) bool {
	if len(signature) != timeBytes+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(signature)
	var message bytes.Buffer
	fmt.Fprintf(&message, "cosignature/v1\ntime %d\n%s", seconds, text)
	return ed25519.Verify(v.public, message.Bytes(), signature[timeBytes:])
}

// timeOf returns the time that a cosignature states, which was verified.
func timeOf(cosignature note.Signature) (time.Time, error) {
	const idBytes = 4
	data, err := base64.StdEncoding.DecodeString(cosignature.Base64)
	if err != nil || len(data) < idBytes+timeBytes {
		return time.Time{}, refute("checkpoint: malformed cosignature")
	}
	seconds := binary.BigEndian.Uint64(data[idBytes:])
	if seconds > maxSeconds {
		return time.Time{}, refute("checkpoint: its time is %d seconds after 1970", seconds)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}
