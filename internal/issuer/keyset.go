package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxKeys bounds the keys of one issuer. Those that have more cannot be told
// from those that want to cost us time (AUT-35).
const maxKeys = 100

// keyset is the keys of one issuer at one time. It does not change.
type keyset struct {
	all   []*key
	named map[string]*key // those with an id
	at    time.Time       // when they were fetched
}

// errUnknownKey is a key that the issuer may have published since.
var errUnknownKey = fmt.Errorf("%w: no key of the issuer fits", ErrInvalid)

// pick returns the one key for a header: the one that it names, or without a
// name the only one that fits.
func (s *keyset) pick(h header) (*key, error) {
	if h.kid != "" {
		k := s.named[h.kid]
		if k == nil {
			return nil, errUnknownKey
		}
		if !k.takes(h.alg) {
			return nil, invalid("the key is not for this algorithm")
		}
		return k, nil
	}
	var only *key
	for _, k := range s.all {
		if !k.takes(h.alg) {
			continue
		}
		if only != nil {
			return nil, invalid("no key is named, and more than one fits")
		}
		only = k
	}
	if only == nil {
		return nil, errUnknownKey
	}
	return only, nil
}

// readKeys reads a JWK Set (RFC 7517 §5). Keys that are not fit for use are left
// out, and bad says which and why; a set that is not one is an error, and so is
// one of more than 100 keys. Only what is inside a key may be malformed text.
func readKeys(raw []byte) (keys []*key, bad []string, err error) {
	list, err := listKeys(raw)
	if err != nil {
		return nil, nil, err
	}
	count := map[string]int{}
	for i, value := range list {
		k, err := readKey(value)
		if err != nil {
			bad = append(bad, fmt.Sprintf("key %d of the set: %v", i+1, err))
			continue
		}
		keys = append(keys, k)
		if k.kid != "" {
			count[k.kid]++
		}
	}
	single := keys[:0]
	for _, k := range keys {
		if count[k.kid] > 1 {
			bad = append(bad, fmt.Sprintf("two keys have the id %q", k.kid))
			continue
		}
		single = append(single, k)
	}
	return single, bad, nil
}

// listKeys finds the keys of a set, unread. jsontext ends at a depth of 10,000,
// which costs nothing to speak of.
func listKeys(raw []byte) ([]jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errors.New("the key set is not a JSON object")
	}
	var list []jsontext.Value
	found := false
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, errors.New("the key set is not JSON")
		}
		if !strings.EqualFold(name.String(), "keys") {
			if err := dec.SkipValue(); err != nil {
				return nil, errors.New("the key set is not JSON")
			}
			continue
		}
		if found || name.String() != "keys" {
			return nil, errors.New("the key set has keys twice, or a name that reads like it")
		}
		found = true
		if list, err = elements(dec, raw); err != nil {
			return nil, err
		}
	}
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '}' || !found {
		return nil, errors.New("the key set is not JSON, or has no keys")
	}
	if len(bytes.TrimSpace(raw[dec.InputOffset():])) > 0 {
		return nil, errors.New("bytes after the key set")
	}
	return list, nil
}

// elements are the values of the array that dec, which reads raw, has before it.
func elements(dec *jsontext.Decoder, raw []byte) ([]jsontext.Value, error) {
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '[' {
		return nil, errors.New("the keys of the key set are no array")
	}
	var list []jsontext.Value
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return nil, errors.New("the key set is not JSON")
		}
		if len(list) == maxKeys {
			return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
		}
		end := int(dec.InputOffset())
		list = append(list, raw[end-len(value):end:end])
	}
	_, err := dec.ReadToken()
	return list, err
}
