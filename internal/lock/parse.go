package lock

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// Parse reads the content of a lock file, strictly: unknown, missing and
// duplicate keys, other versions, digests that are not their definition's and
// anything after the end are errors that name the place. The order of entries
// does not matter.
func Parse(data []byte) (*Lock, error) {
	l := &Lock{pins: make(map[key]Pin)}
	if err := l.parse(data); err != nil {
		if line := conflict(data); line > 0 {
			return nil, fmt.Errorf("line %d: unresolved merge conflict: keep one side of each, then run `doorward trust verify`", line)
		}
		return nil, err
	}
	return l, nil
}

func (l *Lock) parse(data []byte) error {
	r := &reader{dec: jsontext.NewDecoder(bytes.NewBuffer(data))}
	var v string
	var seen bool
	signed := signedFields{}
	err := r.object(func(name string) (err error) {
		switch name {
		case "version":
			v, err = r.number()
			return err
		case "sequence":
			signed[name], err = r.number()
			return err
		case "signed_by", "signature":
			signed[name], err = r.text()
			return err
		case "upstreams":
			seen = true
			return r.object(func(upstream string) error { return l.upstream(r, upstream) })
		}
		return fmt.Errorf("unknown key %q", name)
	})
	if err != nil {
		return err
	}
	if v != fmt.Sprint(version) || !seen {
		return fmt.Errorf(`it needs "version": %d and "upstreams"`, version)
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after its end")
	}
	return signed.into(l)
}

// signedFields are the members of a signed file that others do not have.
type signedFields map[string]string

// maxSequence bounds a lock's number: more than one a microsecond for a century.
const maxSequence = 1 << 52

// into checks that all or none are there and fills l.
func (f signedFields) into(l *Lock) (err error) {
	if len(f) == 0 {
		return nil
	}
	for _, name := range [...]string{"sequence", "signed_by", "signature"} {
		if _, ok := f[name]; !ok {
			return fmt.Errorf("%s is missing: a signed lock has sequence, signed_by and signature", name)
		}
	}
	if l.sequence, err = strconv.ParseUint(f["sequence"], 10, 64); err != nil || l.sequence == 0 || l.sequence > maxSequence {
		return fmt.Errorf("sequence %s is no number of a lock", f["sequence"])
	}
	s := &signature{}
	if s.by, err = ParseSigner(f["signed_by"]); err != nil {
		return fmt.Errorf("signed_by is %w", err)
	}
	if s.value, err = base64.StdEncoding.Strict().DecodeString(f["signature"]); err != nil || len(s.value) != ed25519.SignatureSize {
		return errors.New("signature is not that of an Ed25519 key")
	}
	l.signature = s
	return nil
}

func (l *Lock) upstream(r *reader, upstream string) error {
	if upstream == "" {
		return errors.New("an upstream has no name")
	}
	return r.object(func(name string) error {
		kind := kindOf(name)
		if kind == gate.NoItem {
			return fmt.Errorf("upstream %q: unknown key %q", upstream, name)
		}
		return r.array(func() error {
			p := Pin{Upstream: upstream, Kind: kind}
			if err := r.pin(&p); err != nil {
				return fmt.Errorf("upstream %q: %s %q: %w", upstream, kind, p.Name, err)
			}
			if _, dup := l.pins[p.key()]; dup {
				return fmt.Errorf("upstream %q: %s %q is there twice", upstream, kind, p.Name)
			}
			l.pins[p.key()] = p
			return nil
		})
	})
}

// reader reads the lock file's tokens.
type reader struct{ dec *jsontext.Decoder }

// object reads an object; member must read the value of the name it is given.
func (r *reader) object(member func(name string) error) error {
	if err := r.bracket(jsontext.KindBeginObject); err != nil {
		return err
	}
	for r.dec.PeekKind() == jsontext.KindString {
		name, err := r.text()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return r.bracket(jsontext.KindEndObject)
}

func (r *reader) array(element func() error) error {
	if err := r.bracket(jsontext.KindBeginArray); err != nil {
		return err
	}
	for k := r.dec.PeekKind(); k != jsontext.KindEndArray && k != jsontext.KindInvalid; k = r.dec.PeekKind() {
		if err := element(); err != nil {
			return err
		}
	}
	return r.bracket(jsontext.KindEndArray)
}

// bracket reads the bracket of the given kind.
func (r *reader) bracket(kind jsontext.Kind) error {
	t, err := r.dec.ReadToken()
	if err != nil {
		return r.at(err)
	}
	if t.Kind() != kind {
		return r.at(fmt.Errorf("%v where %v belongs", t.Kind(), kind))
	}
	return nil
}

func (r *reader) text() (string, error) {
	t, err := r.dec.ReadToken()
	if err != nil {
		return "", r.at(err)
	}
	if t.Kind() != jsontext.KindString {
		return "", r.at(fmt.Errorf("%v where a string belongs", t.Kind()))
	}
	return t.String(), nil
}

// texts reads an array of strings.
func (r *reader) texts() ([]string, error) {
	var list []string
	err := r.array(func() error {
		s, err := r.text()
		list = append(list, s)
		return err
	})
	return list, err
}

func (r *reader) number() (string, error) {
	t, err := r.dec.ReadToken()
	if err != nil {
		return "", r.at(err)
	}
	if t.Kind() != jsontext.KindNumber {
		return "", r.at(fmt.Errorf("%v where a number belongs", t.Kind()))
	}
	return t.String(), nil
}

// at adds the place to an error that has none.
func (r *reader) at(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("at byte %d: %w", r.dec.InputOffset(), err)
}

// pinFields are the members of an entry, as read.
type pinFields map[string]string

// pin reads one entry and checks it.
func (r *reader) pin(p *Pin) error {
	fields := pinFields{}
	err := r.object(func(name string) (err error) {
		switch name {
		case "name":
			p.Name, err = r.text()
			fields[name] = p.Name
		case "digest", "state", "approved_by", "approved_at", "rejected_by", "rejected_at":
			fields[name], err = r.text()
		case "accepted":
			p.Accepted, err = r.texts()
			fields[name] = ""
		case "definition":
			var raw jsontext.Value
			if raw, err = r.dec.ReadValue(); err == nil {
				fields[name] = ""
				p.Definition, p.Digest, err = canonical(p.Kind, raw)
			}
		default:
			err = fmt.Errorf("unknown key %q", name)
		}
		return err
	})
	if err != nil {
		return err
	}
	return fields.into(p)
}

// into checks that exactly the members of an entry are there and fills p.
func (f pinFields) into(p *Pin) error {
	verb := f["state"]
	switch verb {
	case "approved":
		p.State = gate.Approved
	case "rejected":
		p.State = gate.Rejected
	default:
		return fmt.Errorf("state %q is neither approved nor rejected", verb)
	}
	want := [...]string{"name", "digest", "state", verb + "_by", verb + "_at", "definition"}
	for _, name := range want {
		if _, ok := f[name]; !ok {
			return fmt.Errorf("%s is missing", name)
		}
	}
	if err := f.accepts(p); err != nil {
		return err
	}
	if len(f) != len(want) {
		return fmt.Errorf("an entry that is %s says who decided otherwise", verb)
	}
	digest, err := parseDigest(f["digest"])
	if err != nil {
		return err
	}
	if digest != p.Digest {
		return fmt.Errorf("its digest is not that of its definition (%s): the entry was edited by hand; restore it from Git, or remove it and approve anew", p.Digest)
	}
	if p.By = f[verb+"_by"]; p.By == "" || len(p.By) > maxBy {
		return fmt.Errorf("%s_by must have 1 to %d bytes", verb, maxBy)
	}
	p.At, err = parseTime(f[verb+"_at"])
	return err
}

// accepts checks the rules that an entry accepts, where it has any, and takes
// them out of f.
func (f pinFields) accepts(p *Pin) error {
	if _, ok := f["accepted"]; !ok {
		return nil
	}
	delete(f, "accepted")
	if p.State != gate.Approved {
		return errors.New("an entry that is rejected accepts nothing")
	}
	if len(p.Accepted) == 0 || len(p.Accepted) > maxAccepted || !slices.IsSorted(p.Accepted) || len(slices.Compact(slices.Clone(p.Accepted))) != len(p.Accepted) {
		return fmt.Errorf("accepted must be 1 to %d rules, sorted, none twice", maxAccepted)
	}
	for _, rule := range p.Accepted {
		if rule == "" || len(rule) > maxRule {
			return fmt.Errorf("a rule that is accepted must have 1 to %d bytes", maxRule)
		}
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("time %q is not RFC 3339", s)
	}
	t = t.UTC().Truncate(time.Second)
	if y := t.Year(); y < 1 || y > 9999 {
		return t, fmt.Errorf("time %q is out of range", s)
	}
	return t, nil
}

// parseDigest reads the one spelling that gate.Digest.String writes.
func parseDigest(s string) (gate.Digest, error) {
	var d gate.Digest
	h, ok := strings.CutPrefix(s, "sha256:")
	b, err := hex.DecodeString(h)
	if !ok || err != nil || copy(d[:], b) != len(d) || d.String() != s {
		return d, fmt.Errorf("digest %q is not sha256: and 64 lower-case hexadecimal digits", s)
	}
	return d, nil
}

// conflict is the line of the first Git conflict marker, 0 when there is none.
// A JSON string never spans lines, so no definition can contain one.
func conflict(data []byte) int {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		for _, mark := range [...]string{"<<<<<<< ", "=======", ">>>>>>> ", "||||||| "} {
			if bytes.HasPrefix(line, []byte(mark)) {
				return n
			}
		}
	}
	return 0
}
