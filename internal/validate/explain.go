package validate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// maxFaults bounds how many faults one refusal tells: a model mends a few at a time.
	maxFaults = 5

	// maxCollected bounds how many faults are put in order; a large value may have
	// as many as it has elements.
	maxCollected = 256
)

// explain says which part of a value broke which rule of the schema, so that a
// model can do better next time. It quotes the schema and the names of members,
// never a value.
func explain(err error, s *jsonschema.Schema) string {
	f := faults{schema: s, unknown: map[string]*unknown{}}
	if left, ok := errors.AsType[*leftOver](err); ok {
		for _, u := range left.found {
			f.unknown[pointer(u.at)] = u
		}
	} else if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		f.collect(invalid)
	} else {
		return bounded(err.Error())
	}
	return bounded(f.String())
}

// faults are what is wrong with one value.
type faults struct {
	schema  *jsonschema.Schema
	texts   []string
	unknown map[string]*unknown // by the JSON Pointer of the object
}

// unknown are members of one object that the schema does not allow, and those
// that it names.
type unknown struct{ at, names, known []string }

func (f *faults) collect(e *jsonschema.ValidationError) {
	if len(f.texts)+len(f.unknown) >= maxCollected {
		return
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if branch := likely(e); branch != nil {
			f.collect(branch)
			return
		}
		f.add(e)
		return
	case *kind.Not, *kind.Contains, *kind.MinContains, *kind.PropertyNames:
		// The causes are alternatives: all of them would read as one long demand.
		f.add(e)
		return
	case *kind.AdditionalProperties:
		f.leftOver(e.InstanceLocation, k.Properties...)
		return
	case *kind.FalseSchema:
		if at := e.InstanceLocation; len(at) > 0 && strings.HasSuffix(e.SchemaURL, "/unevaluatedProperties") {
			f.leftOver(at[:len(at)-1], at[len(at)-1])
			return
		}
	}
	if len(e.Causes) == 0 {
		f.add(e)
	}
	for _, cause := range e.Causes {
		f.collect(cause)
	}
}

// likely is the one alternative that is of the value's own type, nil when there
// is not just one: of "an object of this kind, or null" an object means the first.
func likely(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	var found *jsonschema.ValidationError
	for _, cause := range e.Causes {
		if isType(cause, len(e.InstanceLocation)) {
			continue
		}
		if found != nil {
			return nil
		}
		found = cause
	}
	return found
}

// isType tells whether an alternative was left because of the value's own type,
// which is at that depth.
func isType(e *jsonschema.ValidationError, depth int) bool {
	switch e.ErrorKind.(type) {
	case *kind.Type:
		return len(e.InstanceLocation) == depth
	case *kind.Reference, *kind.Schema:
		return len(e.Causes) == 1 && isType(e.Causes[0], depth)
	}
	return false
}

func (f *faults) add(e *jsonschema.ValidationError) {
	f.texts = append(f.texts, pointer(e.InstanceLocation)+" "+rule(e))
}

func (f *faults) leftOver(at []string, names ...string) {
	key := pointer(at)
	u := f.unknown[key]
	if u == nil {
		u = &unknown{at: slices.Clone(at), known: namesAt(f.schema, at)}
		f.unknown[key] = u
	}
	if len(u.names) < maxCollected {
		u.names = append(u.names, names...)
	}
}

// String is at most maxFaults faults in a stable order.
func (f *faults) String() string {
	all := f.texts
	for at, u := range f.unknown {
		all = append(all, at+" "+u.text())
	}
	slices.Sort(all)
	all = slices.Compact(all)
	more := ""
	if len(all) > maxFaults {
		more = fmt.Sprintf("; and %d more", len(all)-maxFaults)
		all = all[:maxFaults]
	}
	return strings.Join(all, "; ") + more
}

// text names the members, what each may have been meant to be, and the names
// that the schema has in their place.
func (u *unknown) text() string {
	slices.Sort(u.names)
	u.names = slices.Compact(u.names)
	text := "has " + names(u.names) + ", which the schema does not allow"
	var meant []string
	for _, name := range u.names[:min(len(u.names), maxFaults)] {
		if near := nearest(name, u.known); near != "" && !slices.Contains(meant, quoted(near)) {
			meant = append(meant, quoted(near))
		}
	}
	if len(meant) > 0 {
		text += " (did you mean " + strings.Join(meant, ", ") + "?)"
	}
	if len(u.known) == 0 {
		return text + "; it names no member"
	}
	return text + ", only " + names(u.known)
}
