// Command shim is Go's core behind the shim protocol (traces/CONFORM.md).
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"lockstep/sim/conform"
)

func main() {
	if err := serve(bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers questions until there are no more.
func serve(r io.Reader, w *bufio.Writer) error {
	fmt.Fprintln(w, `{"shim":1,"spec":1,"name":"core/*.go, changed","forms":["binary","ndjson"]}`)
	for {
		if err := w.Flush(); err != nil {
			return err
		}
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		question := make([]byte, binary.LittleEndian.Uint32(head[:]))
		if _, err := io.ReadFull(r, question); err != nil {
			return err
		}
		kind := byte(0)
		answer, err := conform.Complete(question, conform.Tamper{})
		if err != nil {
			kind, answer = 1, []byte(err.Error())
		}
		w.Write(binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(answer))))
		w.Write(answer)
	}
}
