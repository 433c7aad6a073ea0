package commands

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxWritten bounds what a command writes to both outputs together, in bytes: what is above the
// bound of an answer is read and thrown away, which costs a processor.
const maxWritten = 64 << 20

// errFlood ends a command that writes more.
var errFlood = errors.New("it wrote more than any answer has")

// output is what a command has written.
type output struct {
	stdout, stderr stream
	written        atomic.Int64 // bytes of both
}

func newOutput(room int64) *output {
	out := &output{}
	for _, s := range []*stream{&out.stdout, &out.stderr} {
		s.all, s.room = out, room
	}
	return out
}

// flooded tells whether the command was ended for what it wrote.
func (o *output) flooded() bool { return o.written.Load() > maxWritten }

// stream is one of the two. One goroutine writes; what it kept is read when that has ended.
type stream struct {
	all   *output
	room  int64 // bytes that may be kept
	kept  []byte
	more  bool // than is kept
	lines func(text []byte)
}

// Write keeps what there is room for, and takes everything up to a flood.
func (s *stream) Write(b []byte) (int, error) {
	if s.all.written.Add(int64(len(b))) > maxWritten {
		return 0, errFlood
	}
	if s.lines != nil {
		s.lines(b)
	}
	fits := min(int64(len(b)), s.room-int64(len(s.kept)))
	s.kept = append(s.kept, b[:fits]...)
	s.more = s.more || fits < int64(len(b))
	return len(b), nil
}

// text is what is kept as people can read it, and whether anything of it was replaced. A
// character that was cut at the end of what is kept is left out.
func (s *stream) text() (text string, replaced bool) {
	kept := s.kept
	if s.more {
		for n := 1; n < utf8.UTFMax && n <= len(kept); n++ {
			if last := kept[len(kept)-n:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRune(last) {
					kept = kept[:len(kept)-n]
				}
				break
			}
		}
	}
	return readable(kept)
}

// readable is a text without bytes that are no UTF-8 and without control characters but line
// breaks and tabs: a terminal obeys them, and what is shown is not what is there.
func readable(b []byte) (text string, replaced bool) {
	replaced = !utf8.Valid(b)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) {
			replaced = true
			return utf8.RuneError
		}
		return r // RuneError for a byte that is no UTF-8
	}, string(b))
	return text, replaced
}

// How a command came to its end.
const (
	byItself  = "exited"
	byTimeout = "timeout"
	byFlood   = "output"
)

// answer is what a tool gives.
type answer struct {
	Ended     string `json:"ended"`
	ExitCode  int    `json:"exit_code"`
	Signal    string `json:"signal,omitempty"`
	Limit     string `json:"limit,omitempty"`
	Stdout    string `json:"stdout"`
	Stderr    string `json:"stderr"`
	Truncated bool   `json:"truncated"`
	Replaced  bool   `json:"replaced"`
	Duration  int64  `json:"duration_ms"`
}

// answered is the result of a command that was started. It is an error's where the command did
// not end well, so that whoever asked for it looks.
func answered(out *output, how string, ended Ended, took time.Duration) (*mcp.CallToolResult, error) {
	a := answer{Ended: how, ExitCode: ended.Status, Limit: ended.Limit, Duration: took.Milliseconds(), Truncated: out.stdout.more || out.stderr.more}
	var odd, also bool
	a.Stdout, odd = out.stdout.text()
	a.Stderr, also = out.stderr.text()
	a.Replaced = odd || also
	const most = 64 // signals of Linux, signal(7)
	if n := ended.Status - 128; n > 0 && n <= most {
		a.Signal = syscall.Signal(n).String()
	}
	return &mcp.CallToolResult{
		StructuredContent: a, Content: []mcp.Content{&mcp.TextContent{Text: a.plain()}},
		IsError: how != byItself || ended.Status != 0,
	}, nil
}

// plain is the answer as a text, for clients that read no structured content.
func (a *answer) plain() string {
	var b strings.Builder
	switch a.Ended {
	case byTimeout:
		b.WriteString("ended after " + (time.Duration(a.Duration) * time.Millisecond).String() + ", for it took longer than it may")
	case byFlood:
		b.WriteString("ended, for it wrote too much")
	default:
		fmt.Fprintf(&b, "exit code %d", a.ExitCode)
		if a.Signal != "" {
			b.WriteString(" (" + a.Signal + ")")
		}
	}
	if a.Limit != "" {
		b.WriteString("; it met a limit of its sandbox: " + a.Limit)
	}
	if a.Truncated {
		b.WriteString("; there was more output than is here")
	}
	for _, s := range [...]struct{ name, text string }{{"stdout", a.Stdout}, {"stderr", a.Stderr}} {
		if s.text != "" {
			b.WriteString("\n--- " + s.name + "\n" + s.text)
		}
	}
	return b.String()
}
