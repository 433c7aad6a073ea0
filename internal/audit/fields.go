package audit

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// Field says what is kept of one argument, in place of what is kept of all
// (audit.fields).
type Field struct {
	Path string // JSON Pointer (RFC 6901) into the arguments: "/customer/name"
	How  Arguments
}

// Kept is what a record has of such an argument.
type Kept struct {
	Path  string
	As    string // one of the As constants
	Value string
}

// What Value is.
const (
	AsSealed = "sealed" // base64 without padding: the value's JSON, sealed with the person's key
	AsHashed = "hashed" // hexadecimal: HMAC-SHA256 of its canonical JSON (RFC 8785, integers as they are)
	AsPlain  = "plain"  // its JSON, byte for byte
	AsNone   = "none"   // nothing
	AsLong   = "long"   // nothing: it was longer than what one record has room for
)

// Bounds of fields, for one record.
const (
	maxFields     = 16
	maxFieldBytes = 16 << 10  // of plain and sealed values together
	maxSearched   = 256 << 10 // longer arguments are not looked into, and not kept
	fieldInfo     = "doorward audit field 1\x00"
	boundField    = "\x00field"
)

// rule is a Field that was read.
type rule struct {
	Field
	steps []string
}

// fieldRules are the rules by upstream and by item, "*" for all others.
type fieldRules map[string]map[string][]rule

// readFields reads Config.Fields.
func readFields(all map[string][]Field) (fieldRules, error) {
	rules := fieldRules{}
	for of, fields := range all {
		upstream, item, ok := strings.Cut(of, "/")
		if !ok || upstream == "" || item == "" || len(fields) > maxFields {
			return nil, fmt.Errorf("audit: fields of %q: want UPSTREAM/TOOL and at most %d of them", of, maxFields)
		}
		read := make([]rule, 0, len(fields))
		for _, f := range fields {
			steps, ok := strings.CutPrefix(f.Path, "/")
			if !ok || len(f.Path) > maxShort || f.How > None {
				return nil, fmt.Errorf("audit: field %q of %q is no JSON Pointer", f.Path, of)
			}
			one := rule{Field: f, steps: strings.Split(steps, "/")}
			for i, s := range one.steps {
				one.steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
			}
			read = append(read, one)
		}
		slices.SortFunc(read, func(a, b rule) int { return strings.Compare(a.Path, b.Path) })
		for i := range read {
			for j := range i {
				if strings.HasPrefix(read[i].Path+"/", read[j].Path+"/") {
					return nil, fmt.Errorf("audit: field %q of %q lies in %q", read[i].Path, of, read[j].Path)
				}
			}
		}
		if rules[upstream] == nil {
			rules[upstream] = map[string][]rule{}
		}
		rules[upstream][item] = read
	}
	return rules, nil
}

// of finds the rules for a call. known is false where there are rules and it cannot be
// told whether they are for it: the call was refused before its tool was known.
func (f fieldRules) of(ex *gate.Exchange) (rules []rule, known bool) {
	if len(f) == 0 {
		return nil, true
	}
	it := ex.Target.Item
	if it == nil {
		return nil, false
	}
	items := f[it.Upstream]
	if rules, ok := items[it.Name]; ok {
		return rules, true
	}
	return items["*"], true
}

// part is where an argument with a rule stands.
type part struct{ start, end int }

// apart puts on record what the rules keep, and returns the arguments in which null
// stands for each value that has a stricter rule than they have.
func (e *entry) apart(rules []rule, arguments []byte) ([]byte, error) {
	k, r := &e.keeper, &e.rec
	var cut []part
	room := maxFieldBytes
	for i := range rules {
		f := &rules[i]
		at, err := pointed(arguments, f.steps)
		if errors.Is(err, errNotThere) {
			continue
		}
		if err != nil {
			return nil, err
		}
		value := arguments[at.start:at.end]
		kept, err := k.one(r, f, value, room)
		if err != nil {
			return nil, err
		}
		if f.How != Plain && f.How != k.how {
			cut = append(cut, at)
		}
		if kept.As == AsPlain || kept.As == AsSealed {
			room -= len(value)
		}
		r.Fields = append(r.Fields, kept)
	}
	return without(arguments, cut), nil
}

// one is what a rule keeps of a value, in the room that is left.
func (k *keeper) one(r *Record, f *rule, value []byte, room int) (Kept, error) {
	kept := Kept{Path: f.Path, As: AsNone}
	switch {
	case f.How == Hashed:
		sum, err := k.digest(r.Principal.Tenant, value)
		switch {
		case errors.Is(err, errNoForm):
			err = nil // a client may send such a number; it is none of the log's failures
		case err == nil:
			kept.As, kept.Value = AsHashed, hex.EncodeToString(sum)
		}
		return kept, err
	case f.How == None, f.How == Plain && !utf8.Valid(value):
		return kept, nil
	case len(value) > room:
		kept.As = AsLong
		return kept, nil
	case f.How == Plain:
		kept.As, kept.Value = AsPlain, string(value)
		return kept, nil
	}
	who, err := k.note.of(r)
	if err != nil {
		return kept, err
	}
	sealed, err := who.seal(nil, value, k.note.bind(r, boundField+f.Path))
	kept.As, kept.Value = AsSealed, base64.RawStdEncoding.EncodeToString(sealed)
	return kept, err
}

// digest is the keyed hash of a value, for a tenant.
func (k *keeper) digest(tenant string, value []byte) ([]byte, error) {
	if k.fieldMAC == nil || k.tenant != tenant {
		mac, err := newFieldMAC(k.key, tenant)
		if err != nil {
			return nil, err
		}
		k.fieldMAC, k.tenant = mac, strings.Clone(tenant)
	}
	return hashed(k.fieldMAC, value)
}

// newFieldMAC makes the hash of one tenant's fields: what one tenant has on record
// cannot be compared with what another has.
func newFieldMAC(key []byte, tenant string) (hash.Hash, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, fieldInfo+tenant, keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of fields: %w", err)
	}
	return hmac.New(sha256.New, derived), nil
}

var errNoForm = errors.New("the value has no canonical form")

// hashed hashes JSON of any type by its meaning, so that other spaces, escapes or an
// other order of members make no other hash. 1 and "1" differ.
func hashed(mac hash.Hash, value []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(value))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoForm, err)
	}
	mac.Reset()
	mac.Write(v)
	return mac.Sum(nil), nil
}

// HashField is the hash that records of a tenant have of a value, which is JSON;
// keyFile is the installation's key (Config.KeyFile).
func HashField(keyFile, tenant string, value []byte) (string, error) {
	key, err := readKey(keyFile)
	if err != nil {
		return "", fmt.Errorf("opening the key of fields: %w", err)
	}
	mac, err := newFieldMAC(key, clip(tenant, maxShort))
	if err != nil {
		return "", err
	}
	sum, err := hashed(mac, value)
	return hex.EncodeToString(sum), err
}

var errNotThere = errors.New("no such argument")

// pointed finds the value that the steps lead to, names as JSON means them.
func pointed(raw []byte, steps []string) (part, error) {
	at := part{0, len(raw)}
	for _, step := range steps {
		dec := jsontext.NewDecoder(bytes.NewBuffer(raw[at.start:at.end]))
		begin, err := dec.ReadToken()
		if err != nil {
			return part{}, fmt.Errorf("reading arguments: %w", err)
		}
		object := begin.Kind() == '{'
		if !object && begin.Kind() != '[' {
			return part{}, errNotThere
		}
		found, err := find(dec, step, object)
		if err != nil {
			return part{}, err
		}
		at = part{at.start + found.start, at.start + found.end}
	}
	return at, nil
}

// find reads on to the member or element.
func find(dec *jsontext.Decoder, step string, object bool) (part, error) {
	for i := 0; ; i++ {
		if k := dec.PeekKind(); k == '}' || k == ']' {
			return part{}, errNotThere
		}
		ours := strconv.Itoa(i) == step
		if object {
			name, err := dec.ReadToken()
			if err != nil {
				return part{}, fmt.Errorf("reading arguments: %w", err)
			}
			ours = name.String() == step
		}
		value, err := dec.ReadValue()
		if err != nil {
			return part{}, fmt.Errorf("reading arguments: %w", err)
		}
		if ours {
			end := int(dec.InputOffset())
			return part{end - len(value), end}, nil
		}
	}
}

// without is raw with null in place of the parts. They do not overlap.
func without(raw []byte, parts []part) []byte {
	if len(parts) == 0 {
		return raw
	}
	slices.SortFunc(parts, func(a, b part) int { return a.start - b.start })
	var out []byte
	from := 0
	for _, p := range parts {
		out = append(append(out, raw[from:p.start]...), "null"...)
		from = p.end
	}
	return append(out, raw[from:]...)
}

// whole tells whether no argument was taken out of those that the record keeps. One that
// was too long is in those that are sealed, and in plain ones unless its rule seals it,
// which the record does not say.
func (r *Record) whole() bool {
	return !slices.ContainsFunc(r.Fields, func(k Kept) bool {
		return k.As != AsPlain && (k.As != AsLong || r.Plain != nil)
	})
}
