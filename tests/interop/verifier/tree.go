package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// maxLine is where lines end to be records, their newline counted.
const maxLine = 256 << 20

// readTree reads records up to the wanted number and computes their tree. Lines that are no record are counted
// and passed over, as docs/format.md says, and so are the bytes behind the last newline.
func readTree(log io.Reader, size int64) (tree tlog.Tree, skipped int, err error) {
	reader := bufio.NewReaderSize(log, 1<<20)
	var latest latestHashes
	var line []byte
	for tree.N < size {
		var whole bool
		line, whole, err = readLine(reader, line[:0])
		if err == io.EOF {
			break
		}
		if err != nil {
			return tree, skipped, err
		}
		if !whole || !isRecord(line) {
			skipped++
			continue
		}
		hashes, err := tlog.StoredHashes(tree.N, line, &latest)
		if err != nil {
			return tree, skipped, err
		}
		latest.add(tree.N, hashes)
		tree.N++
	}
	if tree.N == 0 {
		tree.Hash = emptyRoot
		return tree, skipped, nil
	}
	tree.Hash, err = tlog.TreeHash(tree.N, &latest)
	return tree, skipped, err
}

// readLine appends the next line to buf, without its newline. A line over maxLine is read to its end and is
// not whole. What has no newline is no line: io.EOF.
func readLine(reader *bufio.Reader, buf []byte) (line []byte, whole bool, err error) {
	whole = true
	for {
		part, err := reader.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return buf, false, err
		}
		whole = whole && len(buf)+len(part) <= maxLine
		if whole {
			buf = append(buf, part...)
		}
		if err == nil {
			if whole {
				buf = buf[:len(buf)-1]
			}
			return buf, whole, nil
		}
	}
}

// latestHashes is a tlog.HashReader that keeps the latest complete subtree of each level: all that is read to
// append a record, or to compute the root.
type latestHashes [64]struct {
	index int64 // tlog.StoredHashIndex
	hash  tlog.Hash
}

// add takes what tlog.StoredHashes returned for record n.
func (l *latestHashes) add(n int64, hashes []tlog.Hash) {
	first := tlog.StoredHashIndex(0, n)
	for level, hash := range hashes {
		l[level].index, l[level].hash = first+int64(level), hash
	}
}

// ReadHashes implements tlog.HashReader.
func (l *latestHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, _ := tlog.SplitStoredHashIndex(index)
		if l[level].index != index {
			return nil, fmt.Errorf("stored hash %d is not kept", index)
		}
		hashes[i] = l[level].hash
	}
	return hashes, nil
}
