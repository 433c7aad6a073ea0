// One-era runs an MCP server that speaks both eras over standard input and
// output, and lets it be seen in one of them only. What opens the other era is
// answered here, as a server that has no such era answers; everything else
// passes byte for byte.
//
//	one-era stateful|stateless COMMAND [ARGUMENT...]
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// foreign is what opens each era to clients, and how a server without that era
// answers it: an unknown method before 2026-07-28, and an unsupported version
// since then (specification 2026-07-28, "Versioning").
var foreign = map[string]struct{ method, answer string }{
	"stateful":  {"server/discover", `{"code":-32601,"message":"Method not found"}`},
	"stateless": {"initialize", `{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2025-11-25"}}`},
}

func main() {
	if len(os.Args) < 3 || foreign[os.Args[1]].method == "" {
		fmt.Fprintln(os.Stderr, "usage: one-era stateful|stateless COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]...); err != nil {
		fmt.Fprintln(os.Stderr, "one-era:", err)
		os.Exit(1)
	}
}

func run(era, command string, args ...string) error {
	cmd := exec.Command(command, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var mu sync.Mutex
	write := func(line []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := os.Stdout.Write(line)
		return err
	}
	go func() {
		_ = lines(os.Stdin, func(line []byte) error { // the client is gone: the server sees the end of its input
			if answer := refuse(era, line); answer != nil {
				return write(answer)
			}
			_, err := in.Write(line)
			return err
		})
		_ = in.Close()
	}()
	return errors.Join(lines(out, write), cmd.Wait())
}

// lines calls do for each line, with its end, until there are no more.
func lines(r io.Reader, do func([]byte) error) error {
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadBytes('\n')
		if len(line) > 0 {
			if err := do(line); err != nil {
				return err
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// refuse is the answer to a line that opens the era the server must not show.
func refuse(era string, line []byte) []byte {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if json.Unmarshal(line, &m) != nil || m.Method != foreign[era].method {
		return nil
	}
	return fmt.Appendf(nil, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":%s}\n", m.ID, foreign[era].answer)
}
