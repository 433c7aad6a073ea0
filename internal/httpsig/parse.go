package httpsig

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Present tells whether a request claims to be signed, rightly or not.
func Present(h http.Header) bool {
	for name := range h {
		if strings.EqualFold(name, headerSignature) || strings.EqualFold(name, headerInput) {
			return true
		}
	}
	return false
}

// Parse reads the headers of a signature. It takes the form of the package
// comment and no other; the error wraps ErrForm and quotes nothing.
func Parse(h http.Header) (*Input, error) {
	found, err := fields(h)
	if err != nil {
		return nil, err
	}
	var lines [3]string
	for i, name := range [...]string{headerInput, headerSignature, headerDigest} {
		f := found[strings.ToLower(name)]
		switch {
		case f.lines != 1:
			return nil, wrong("needs exactly one line of %s", name)
		case len(f.value) > maxInput:
			return nil, wrong("%s has more than %d bytes", name, maxInput)
		}
		lines[i] = f.value
	}
	in := &Input{}
	s := &scanner{lines[0]}
	if err := in.readInput(s); err != nil {
		return nil, err
	}
	var good bool
	if in.signature, good = bytesIn(lines[1], in.label+"="); !good {
		return nil, wrong("Signature is not one signature of 32 bytes, with the label of Signature-Input")
	}
	if in.Digest, good = bytesIn(lines[2], "sha-256="); !good {
		return nil, wrong("Content-Digest is not one sha-256")
	}
	return in, nil
}

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForm, fmt.Sprintf(format, args...))
}

// bytesIn reads a prefix and a Byte Sequence of 32 bytes, spelled as bytesOf does.
func bytesIn(line, prefix string) (sum [sha256.Size]byte, good bool) {
	text, good := strings.CutPrefix(line, prefix)
	if !good || len(text) != len(bytesOf(sum)) {
		return sum, false
	}
	decoded, err := base64.StdEncoding.DecodeString(text[1 : len(text)-1])
	if err != nil || len(decoded) != len(sum) {
		return sum, false
	}
	copy(sum[:], decoded)
	return sum, bytesOf(sum) == text
}

// readInput reads Signature-Input: a label, what is covered, and the parameters.
func (in *Input) readInput(s *scanner) error {
	in.label = s.while(func(c byte) bool { return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0 })
	if in.label == "" || len(in.label) > maxLabel || !isLower(in.label[0]) && in.label[0] != '*' {
		return wrong("Signature-Input does not begin with a label")
	}
	if !s.skip(`=("` + compMethod + `" "` + compTarget + `" "` + compDigest + `"`) {
		return wrong("it must cover %s, %s and %s, first and in this order", compMethod, compTarget, compDigest)
	}
	last := ""
	for s.skip(` "`) {
		name := s.while(isName)
		switch {
		case name == "" || !s.skip(`"`):
			return wrong("what it covers must be headers, in lower case and without parameters")
		case name <= last || name == compDigest:
			return wrong("the headers that it covers must be in ascending order, each once")
		}
		in.fields, last = append(in.fields, name), name
	}
	if !s.skip(")") {
		return wrong("the list of what it covers does not end")
	}
	for s.rest != "" {
		if err := in.readParam(s); err != nil {
			return err
		}
	}
	for _, name := range parameters {
		if !slices.Contains(in.order, name) {
			return wrong("the parameter %s is missing", name)
		}
	}
	return nil
}

// parameters are those that a signature has, in the order in which Sign writes
// them.
var parameters = [...]string{"created", "nonce", "keyid", "alg", "tag"} //nolint:gochecknoglobals // a table; read-only

// readParam reads one parameter.
func (in *Input) readParam(s *scanner) error {
	for _, name := range parameters {
		if !s.skip(";" + name + "=") {
			continue
		}
		if slices.Contains(in.order, name) {
			return wrong("the parameter %s is there twice", name)
		}
		in.order = append(in.order, name)
		if !in.readValue(s, name) {
			return wrong("the parameter %s has not the value or the form that it must have", name)
		}
		return nil
	}
	return wrong("it has a parameter other than %s, or another signature", strings.Join(parameters[:], ", "))
}

// readValue reads the value of a parameter.
func (in *Input) readValue(s *scanner, name string) bool {
	switch name {
	case "created":
		text := s.while(isDigit)
		seconds, err := strconv.ParseInt(text, 10, 64)
		in.Created = time.Unix(seconds, 0).UTC()
		return err == nil && len(text) <= maxTime && text[0] != '0'
	case "nonce":
		in.Nonce = s.word()
		return goodNonce(in.Nonce)
	case "keyid":
		in.KeyID = s.word()
		return goodKeyID(in.KeyID)
	case "alg":
		return s.word() == algorithm
	case "tag":
		return s.word() == tag
	}
	return false
}

func goodNonce(s string) bool {
	return len(s) >= minNonce && len(s) <= maxNonce && all(s, isWord)
}

func goodKeyID(s string) bool { return s != "" && len(s) <= maxKeyID && all(s, isWord) }

// scanner is what is left of a header's value.
type scanner struct{ rest string }

// skip takes what comes next if it is exactly that.
func (s *scanner) skip(next string) (was bool) {
	s.rest, was = strings.CutPrefix(s.rest, next)
	return was
}

// while takes the characters that are good.
func (s *scanner) while(good func(byte) bool) string {
	n := 0
	for n < len(s.rest) && good(s.rest[n]) {
		n++
	}
	text := s.rest[:n]
	s.rest = s.rest[n:]
	return text
}

// word takes a String (RFC 9651, section 3.3.3) that needs no escapes. Empty is
// none.
func (s *scanner) word() string {
	if !s.skip(`"`) {
		return ""
	}
	text := s.while(isWord)
	if !s.skip(`"`) {
		return ""
	}
	return text
}
