package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

var errNotCanonical = errors.New("the line is not in canonical form")

// decoder reads lines; it reuses one buffer. The zero value is ready.
type decoder struct{ scratch []byte }

// decode reads one line, without its newline. It accepts exactly what
// appendRecord writes: the line must re-encode to the same bytes, which also
// refuses keys that are doubled or out of order, other spellings of a text or a
// number, and dates that do not exist.
func (d *decoder) decode(line []byte, r *Record) error {
	*r = Record{}
	// One allocation: every text in r is a part of s.
	p := parser{s: string(line)}
	if err := p.object(func(key string) error { return p.member(key, r) }); err != nil {
		return err
	}
	if p.i != len(p.s) {
		return p.fault("bytes after the record")
	}
	if r.Seq == 0 || r.Kind == "" || r.Time.IsZero() {
		return errors.New("the record has no seq, kind or time")
	}
	d.scratch, _ = appendRecord(d.scratch[:0], r)
	if !bytes.Equal(d.scratch, line) {
		return errNotCanonical
	}
	return nil
}

type parser struct {
	s string
	i int
}

func (p *parser) fault(what string) error { return fmt.Errorf("%s at byte %d", what, p.i) }

func (p *parser) eat(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *parser) object(member func(key string) error) error {
	if !p.eat('{') {
		return p.fault("no object")
	}
	for {
		key, err := p.text()
		if err != nil {
			return err
		}
		if !p.eat(':') {
			return p.fault("no colon")
		}
		if err := member(key); err != nil {
			return err
		}
		switch {
		case p.eat(','):
		case p.eat('}'):
			return nil
		default:
			return p.fault("neither comma nor end")
		}
	}
}

// member reads the value of one key. It is a list of fields, nothing else.
func (p *parser) member(key string, r *Record) (err error) {
	if at := r.textField(key); at != nil {
		*at, err = p.text()
		return err
	}
	if at := r.countField(key); at != nil {
		*at, err = p.count()
		return err
	}
	var n int64
	switch key {
	case "arguments":
		return p.sum(r.Arguments[:])
	case "key":
		return p.sum(r.Key[:])
	case "parent_span":
		return p.sum(r.Parent[:])
	case "span":
		return p.sum(r.Span[:])
	case "trace":
		return p.sum(r.Trace[:])
	case "pin":
		return p.sum(r.Pin[:])
	case "prev":
		return p.sum(r.Prev[:])
	case "session":
		return p.sum(r.Session[:])
	case "duration_us":
		n, err = p.count()
		r.Duration = micros(n)
		return err
	case "upstream_us":
		n, err = p.count()
		r.UpstreamTime = micros(n)
		return err
	case "format":
		n, err = p.count()
		r.Format = int(n)
		return err
	case "seq":
		n, err = p.count()
		r.Seq = uint64(n) //nolint:gosec // count gives no negative number
		return err
	case "unavailable":
		r.Unavailable, err = p.texts(maxNames + 1)
		return err
	case "weaker":
		r.Weaker, err = p.texts(maxSeen + 1)
		return err
	case "fields":
		return p.fields(r)
	case "stages_us":
		return p.stages(r)
	case "findings":
		r.Findings, err = p.texts(maxSeen + 1)
		return err
	case "observed":
		r.Observed, err = p.texts(maxSeen + 1)
		return err
	case "plain":
		s, err := p.text()
		r.Plain = []byte(s)
		return err
	case "sealed":
		r.Sealed, err = p.bytes()
		return err
	case "person":
		r.Person, err = p.bytes()
		return err
	case "time":
		r.Time, err = p.time()
		return err
	case "remote":
		r.Remote, err = p.addr()
		return err
	case "principal":
		return p.object(func(key string) error { return p.principal(key, r) })
	}
	return p.fault("unknown key " + strconv.Quote(key))
}

// bytes reads base64 without padding. What the decoder passes over cannot
// re-encode to itself and is refused for that.
func (p *parser) bytes() ([]byte, error) {
	s, err := p.text()
	if err != nil {
		return nil, err
	}
	raw, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, p.fault("no base64")
	}
	return raw, nil
}

// texts reads an array of at most so many texts. An empty one re-encodes to
// nothing and is refused for that.
func (p *parser) texts(most int) ([]string, error) { return array(p, most, p.text) }

// array reads an array of one to so many elements.
func array[T any](p *parser, most int, element func() (T, error)) ([]T, error) {
	if !p.eat('[') {
		return nil, p.fault("no array")
	}
	var all []T
	for {
		one, err := element()
		if err != nil {
			return nil, err
		}
		if all = append(all, one); len(all) > most {
			return nil, p.fault("array too long")
		}
		switch {
		case p.eat(','):
		case p.eat(']'):
			return all, nil
		default:
			return nil, p.fault("neither comma nor end")
		}
	}
}

// micros is n microseconds; a number beyond a Duration cannot re-encode to
// itself and is refused for that.
func micros(n int64) time.Duration {
	if n > int64(1<<63-1)/int64(time.Microsecond) {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

func (r *Record) textField(key string) *string {
	switch key {
	case "actor":
		return &r.Actor
	case "agent":
		return &r.Agent
	case "approval":
		return &r.Approval
	case "cached":
		return &r.Cached
	case "code":
		return &r.Code
	case "detail":
		return &r.Detail
	case "effect":
		return &r.Effect
	case "era":
		return &r.Era
	case "event":
		return &r.Event
	case "exchange":
		return &r.Exchange
	case "id":
		return &r.ID
	case "item":
		return &r.Item
	case "item_kind":
		return &r.ItemKind
	case "kind":
		return &r.Kind
	case "method":
		return &r.Method
	case "origin":
		return &r.Origin
	case "policy":
		return &r.Policy
	case "profile":
		return &r.Profile
	case "reason":
		return &r.Reason
	case "request":
		return &r.Request
	case "role":
		return &r.Role
	case "rule":
		return &r.Rule
	case "signer":
		return &r.Signer
	case "stage":
		return &r.Stage
	case "status":
		return &r.Status
	case "transport":
		return &r.Transport
	case "upstream":
		return &r.Upstream
	}
	return nil
}

func (r *Record) countField(key string) *int64 {
	switch key {
	case "asks":
		return &r.Asks
	case "bytes_in":
		return &r.BytesIn
	case "bytes_out":
		return &r.BytesOut
	case "notifications":
		return &r.Notifications
	}
	return nil
}

func (p *parser) principal(key string, r *Record) (err error) {
	to := &r.Principal
	switch key {
	case "act":
		r.Act, err = p.actors()
	case "client":
		to.Client, err = p.text()
	case "credential":
		to.Credential, err = p.text()
	case "groups":
		r.Groups, err = p.texts(maxNames + 1)
	case "issuer":
		to.Issuer, err = p.text()
	case "method":
		to.Method, err = p.text()
	case "roles":
		r.Roles, err = p.texts(maxNames + 1)
	case "scopes":
		r.Scopes, err = p.texts(maxNames + 1)
	case "subject":
		to.Subject, err = p.text()
	case "tenant":
		to.Tenant, err = p.text()
	default:
		err = p.fault("unknown key " + strconv.Quote(key))
	}
	return err
}

func (p *parser) count() (int64, error) {
	from := p.i
	var n int64
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		n = n*10 + int64(p.s[p.i]-'0')
		p.i++
		if n > maxNumber {
			return 0, p.fault("number too large")
		}
	}
	if p.i == from {
		return 0, p.fault("no number")
	}
	return n, nil
}

func (p *parser) sum(to []byte) error {
	s, err := p.text()
	if err != nil {
		return err
	}
	if len(s) != hex.EncodedLen(len(to)) {
		return p.fault("digest of a wrong length")
	}
	for i := range to {
		high, low := digit(s[2*i]), digit(s[2*i+1])
		if high|low > 15 {
			return p.fault("no digest")
		}
		to[i] = high<<4 | low
	}
	return nil
}

// digit is the value of a lower-case hexadecimal digit, above 15 if c is none.
func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func (p *parser) addr() (netip.Addr, error) {
	s, err := p.text()
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, p.fault("no address")
	}
	return a, nil
}

func (p *parser) time() (time.Time, error) {
	s, err := p.text()
	if err != nil {
		return time.Time{}, err
	}
	const form = "0000-00-00T00:00:00.000000000Z"
	if len(s) != len(form) {
		return time.Time{}, p.fault("no time")
	}
	var n [7]int
	field := 0
	for i := range form {
		switch {
		case form[i] != '0' && s[i] != form[i]:
			return time.Time{}, p.fault("no time")
		case form[i] != '0':
			field++
		case s[i] < '0' || s[i] > '9':
			return time.Time{}, p.fault("no time")
		default:
			n[field] = n[field]*10 + int(s[i]-'0')
		}
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6], time.UTC), nil
}

// text reads a JSON string. Text without escapes, nearly all of it, is a part
// of p.s.
func (p *parser) text() (string, error) {
	if !p.eat('"') {
		return "", p.fault("no text")
	}
	from := p.i
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[from : p.i-1], nil
		case c == '\\':
			return p.escaped(from)
		case c < ' ' || c >= 0x7f:
			return "", p.fault("a byte that must be escaped")
		}
	}
	return "", p.fault("text without end")
}

func (p *parser) escaped(from int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[from:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == '"':
			return b.String(), nil
		case c < ' ' || c >= 0x7f:
			return "", p.fault("a byte that must be escaped")
		case c != '\\':
			b.WriteByte(c)
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		}
	}
	return "", p.fault("text without end")
}

func (p *parser) escape() (rune, error) {
	const short = `"\btnfr`
	if p.i >= len(p.s) {
		return 0, p.fault("text without end")
	}
	c := p.s[p.i]
	p.i++
	if at := strings.IndexByte(short, c); at >= 0 {
		return rune("\"\\\b\t\n\f\r"[at]), nil
	}
	if c != 'u' {
		return 0, p.fault("unknown escape")
	}
	r, err := p.unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if !p.eat('\\') || !p.eat('u') {
		return utf8.RuneError, nil // cannot re-encode to itself
	}
	low, err := p.unit()
	return utf16.DecodeRune(r, low), err
}

func (p *parser) unit() (rune, error) {
	if len(p.s)-p.i < 4 {
		return 0, p.fault("text without end")
	}
	var r rune
	for range 4 {
		d := digit(p.s[p.i])
		if d > 15 {
			return 0, p.fault("unknown escape")
		}
		r = r<<4 | rune(d)
		p.i++
	}
	return r, nil
}
