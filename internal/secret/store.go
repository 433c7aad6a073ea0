// Package secret reads the credentials that the configuration refers to, from
// variables of the environment and from files, and keeps them from being
// printed. App opens a Store at the start and hands its Get to upstream.
//
// It never writes, never logs, never follows a reference of one secret to
// another, and no error of it holds a value.
package secret

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// MaxSize is the largest secret, in bytes. A certificate chain with its key is
// about a tenth of it.
const MaxSize = 64 << 10

// ErrUnknown is the error of Get for a name that no source has.
var ErrUnknown = errors.New("there is no such secret")

// Source says where one secret is, as the configuration does.
type Source struct {
	Name     string
	From     string        // env:NAME or file:PATH, PATH absolute
	Required bool          // Open fails when it is not there
	Type     string        // "" or "string", or "url"
	MaxAge   time.Duration // after which Overdue names a file; 0: never
}

// Store is every secret of one configuration. Any number of goroutines may use
// it. It holds nothing that must be closed.
type Store struct {
	order   []string
	entries map[string]*entry
}

type entry struct {
	source Source
	fixed  *Value // of a variable
	file   *file
}

// Open checks that every required secret can be read, and that what is there is
// what its source says. The error has a line for each one that cannot: its
// name, the variable or file, and what to do. environ is asked for variables,
// once, here.
func Open(sources []Source, environ func(string) (string, bool)) (*Store, error) {
	s := &Store{entries: make(map[string]*entry, len(sources))}
	var faults []error
	for _, src := range sources {
		if s.entries[src.Name] != nil {
			faults = append(faults, fmt.Errorf("secret %s: is declared twice", src.Name))
			continue
		}
		e, err := open(src, environ)
		if err != nil {
			faults = append(faults, fmt.Errorf("secret %s: %w", src.Name, err))
			continue
		}
		s.entries[src.Name] = e
		s.order = append(s.order, src.Name)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return s, nil
}

func open(src Source, environ func(string) (string, bool)) (*entry, error) {
	e := &entry{source: src}
	kind, where, _ := strings.Cut(src.From, ":")
	switch {
	case src.Type != "" && src.Type != "string" && src.Type != "url":
		return nil, errors.New("its type is neither string nor url")
	case kind == "env" && where != "":
		return e, e.variable(where, environ)
	case kind == "file" && where != "":
		e.file = &file{path: where}
		_, err := e.get()
		if errors.Is(err, errAbsent) && !src.Required {
			err = nil
		}
		return e, err
	}
	return nil, errors.New("its source is neither env:NAME nor file:PATH")
}

// variable reads a variable, once and for all. An empty one counts as none:
// that is what a failed expansion in a start script leaves.
func (e *entry) variable(name string, environ func(string) (string, bool)) error {
	text, _ := environ(name)
	if text == "" {
		if !e.source.Required {
			return nil
		}
		return fmt.Errorf("the variable %s is not set: set it where Doorward is started", name)
	}
	if err := check(text, e.source.Type); err != nil {
		return fmt.Errorf("the variable %s %w", name, err)
	}
	v := newValue(text)
	e.fixed = &v
	return nil
}

// Get is the secret of this name, as it is now: a file that has changed is read
// again, and one that has gone bad is an error, whatever it held before. The
// error names the secret and where it is. Upstream calls it at each use.
func (s *Store) Get(name string) (Value, error) {
	e := s.entries[name]
	if e == nil {
		return Value{}, fmt.Errorf("secret %s: %w", name, ErrUnknown)
	}
	v, err := e.get()
	if err != nil {
		return Value{}, fmt.Errorf("secret %s: %w", name, err)
	}
	return v, nil
}

func (e *entry) get() (Value, error) {
	switch {
	case e.fixed != nil:
		return *e.fixed, nil
	case e.file == nil:
		_, name, _ := strings.Cut(e.source.From, ":")
		return Value{}, fmt.Errorf("the variable %s was not set when Doorward started", name)
	}
	v, err := e.file.read(e.source.Type)
	if err != nil {
		return Value{}, fmt.Errorf("the file %s %w", e.file.path, err)
	}
	return v, nil
}

// Changed is when the file of a secret was last changed; the zero time for a variable,
// and where that cannot be told.
func (s *Store) Changed(name string) time.Time {
	e := s.entries[name]
	if e == nil || e.file == nil {
		return time.Time{}
	}
	at, _ := e.file.changed()
	return at
}

// Overdue names the files that were last changed longer ago than their MaxAge,
// in the order of the sources. Files that cannot be looked at are left out: Get
// says so.
func (s *Store) Overdue(now time.Time) []string {
	var names []string
	for _, name := range s.order {
		e := s.entries[name]
		if e.file == nil || e.source.MaxAge <= 0 {
			continue
		}
		if changed, ok := e.file.changed(); ok && now.Sub(changed) > e.source.MaxAge {
			names = append(names, name)
		}
	}
	return names
}

// check tells whether text may be a secret of this type. The error does not
// quote it, nor does it wrap the parser's, which would.
func check(text, kind string) error {
	switch {
	case len(text) > MaxSize:
		return fmt.Errorf("holds more than %d bytes", MaxSize)
	case text == "":
		return errors.New("is empty")
	case strings.ContainsRune(text, 0):
		return errors.New("holds a NUL byte")
	}
	if kind != "url" {
		return nil
	}
	if u, err := url.Parse(text); err != nil || !u.IsAbs() || u.Host == "" && u.Path == "" || strings.ContainsFunc(text, isSpace) {
		return errors.New("holds no absolute URL, and the secret's type is url")
	}
	return nil
}

func isSpace(r rune) bool { return r <= ' ' || r == 0x7f }
