package issuer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxPointer bounds the steps of a pointer to a claim.
const maxPointer = 8

// pointer says where a claim is: the names of objects, the outermost first. A
// nil one is nowhere.
type pointer []string

// readPointer reads a claim's name, or a JSON Pointer (RFC 6901) if it begins
// with a slash. Names such as https://corp.example/groups are names.
func readPointer(s string) (pointer, error) {
	if s == "" {
		return nil, nil
	}
	rest, found := strings.CutPrefix(s, "/")
	if !found {
		return pointer{s}, nil
	}
	steps := strings.Split(rest, "/")
	if len(steps) > maxPointer {
		return nil, fmt.Errorf("%q has more than %d steps", s, maxPointer)
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i, step := range steps {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(step), "~") || step == "" {
			return nil, fmt.Errorf("%q is no JSON Pointer to a claim", s)
		}
		steps[i] = unescape.Replace(step)
	}
	return steps, nil
}

// Why a claim could not be looked up.
var (
	errNotThere  = errors.New("is absent")
	errNotWalked = errors.New("lies below something that is not an object, or has a name that reads like its own beside it")
	errElsewhere = errors.New("is kept elsewhere by the issuer (_claim_names), as for a subject with too many groups")
)

// find returns the claim at p, unjudged.
func (o object) find(p pointer) (jsontext.Value, error) {
	if o.elsewhere(p[0]) {
		return nil, errElsewhere
	}
	for i, step := range p {
		if i > 0 && o.misnamed(step) != "" {
			return nil, errNotWalked
		}
		value, found := o[step]
		if !found {
			return nil, errNotThere
		}
		if i == len(p)-1 {
			return value, nil
		}
		var err error
		if o, err = readObject(value, maxPayloadDepth); err != nil {
			return nil, errNotWalked
		}
	}
	return nil, errNotThere
}

// elsewhere tells whether the token names the claim as one that is to be
// fetched (OpenID Connect Core 1.0 §5.6.2). Nothing is fetched, and a subject
// whose groups are not known has not none (AUT-56). Entra says hasgroups where
// it has no room for _claim_names.
func (o object) elsewhere(name string) bool {
	if v, found := o["hasgroups"]; found && name == "groups" && v.Kind() != 'f' {
		return true
	}
	v, found := o["_claim_names"]
	if !found {
		return false
	}
	names, err := readObject(v, 2)
	if err != nil {
		return true // it cannot be told which
	}
	_, found = names[name]
	return found || names.misnamed(name) != ""
}
