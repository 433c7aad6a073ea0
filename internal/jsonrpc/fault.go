package jsonrpc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// Codes of the faults found here, from section 5.1 of the JSON-RPC 2.0 specification.
const (
	CodeParse   = -32700 // the bytes are not JSON (RFC 8259), or not UTF-8
	CodeInvalid = -32600 // the bytes are JSON, but not a message that is accepted
)

const (
	maxPath = 128 // bytes of Fault.Path
	maxText = 64  // bytes of sender's text in Fault.Reason
)

// Fault is why bytes were refused. It is the only type of error that Parse and Split return.
type Fault struct {
	Code   int    // CodeParse or CodeInvalid
	Path   string // JSON pointer (RFC 6901) to the fault, printable, at most 128 bytes; may be empty
	Reason string // for the operator; holds at most 64 bytes of what the sender wrote, made printable
	ID     []byte // the id token when it was read before the fault was found, else nil; a view into the input
}

// Error returns the code, the place and the reason on one line. It goes on record and into
// logs, where names that a sender chose, of arguments above all, are not to be read: of the
// path it has what JSON-RPC itself names.
func (f *Fault) Error() string {
	if f.Path == "" {
		return fmt.Sprintf("jsonrpc %d: %s", f.Code, f.Reason)
	}
	return fmt.Sprintf("jsonrpc %d at %s: %s", f.Code, f.place(), f.Reason)
}

func (f *Fault) place() string {
	var known strings.Builder
	for name := range strings.SplitSeq(strings.TrimPrefix(f.Path, "/"), "/") {
		switch name {
		case "jsonrpc", "id", "method", "params", "result", "error":
			known.WriteString("/" + name)
			continue
		}
		return known.String() + "/..."
	}
	return known.String()
}

func invalid(path, reason string) *Fault {
	return &Fault{Code: CodeInvalid, Path: sanitise(path, maxPath), Reason: reason}
}

func notJSON(reason string) *Fault { return &Fault{Code: CodeParse, Reason: reason} }

// decodeFault turns an error of the decoder into a Fault.
func decodeFault(err error) *Fault {
	if errors.Is(err, io.EOF) {
		return notJSON("empty input")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return notJSON("input ends inside a value")
	}
	var se *jsontext.SyntacticError
	if !errors.As(err, &se) {
		return notJSON("unreadable input")
	}
	path := string(se.JSONPointer)
	if errors.Is(se.Err, jsontext.ErrDuplicateName) {
		return invalid(path, "duplicate key")
	}
	f := notJSON("")
	f.Path = sanitise(path, maxPath)
	f.Reason = fmt.Sprintf("invalid JSON at byte %d: %s", se.ByteOffset, sanitise(se.Err.Error(), maxText))
	return f
}

// sanitise returns at most limit bytes of s, with everything that is not printable ASCII replaced by '?',
// so that a fault can be logged and shown without carrying the sender's control characters.
func sanitise(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit-3] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
