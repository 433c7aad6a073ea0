// Package secret reads the credentials that the configuration refers to, from
// variables of the environment, from files, among them those of systemd, and from the
// places that app hands it: Doorward's encrypted store, the operating system's keyring and
// Vault. It keeps them from being printed. App opens a Store at the start and hands its Get to upstream.
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

// ErrAbsent is in the error of a secret that is not where its source says: at the start
// one that is not required may be absent.
var ErrAbsent = errors.New("is not there")

// Source says where one secret is, as the configuration does.
type Source struct {
	Name     string
	From     string        // env:NAME, file:PATH with PATH absolute, systemd:NAME, keyring:SERVICE/ACCOUNT, store, or vault:MOUNT/PATH#FIELD
	Required bool          // Open fails when it is not there
	Type     string        // "" or "string", or "url"
	MaxAge   time.Duration // after which Overdue names it; 0: never
	Overlap  time.Duration // for how long the version before counts, too, once there is another
}

// Reading is what a place says of a secret.
type Reading struct {
	Text    string
	Changed time.Time // since when it has this value; zero where the place does not know
	Before  string    // the version before, while it counts too; empty: there is none
}

// Place is asked for a secret that is in no file of its own: where is its name or path
// there. fresh is asked when the last answer was of no use: a place that keeps answers
// asks again. Any number of goroutines may call it.
type Place func(where string, fresh bool) (Reading, error)

// Places are where secrets can be beside files. The zero Places know files alone.
type Places struct {
	Environ func(string) (string, bool) // asked for variables, once, by Open
	Store   Place                       // from: store, by the secret's name
	Vault   Place                       // from: vault:…, by what stands after it
	Keyring Place                       // from: keyring:…, by what stands after it
	// Past remembers versions that were replaced, over several Opens; nil: nothing does.
	Past *Past
}

// Store is every secret of one configuration. Any number of goroutines may use
// it. It holds nothing that must be closed.
type Store struct {
	order   []string
	entries map[string]*entry
	past    *Past
}

type entry struct {
	source Source
	read   Place  // asked at each use
	where  string // for read
	noun   string // what errors call the place: "the file /run/x"
}

// Open is Places.Open where there are files and variables alone.
func Open(sources []Source, environ func(string) (string, bool)) (*Store, error) {
	return Places{Environ: environ}.Open(sources)
}

// Open checks that every required secret can be read, and that what is there is
// what its source says. The error has a line for each one that cannot: its
// name, the variable or file, and what to do. The Store holds the others all the same,
// for whoever looks for more faults; with an error it must serve nobody.
func (p Places) Open(sources []Source) (*Store, error) {
	s := &Store{entries: make(map[string]*entry, len(sources)), past: p.Past}
	var faults []error
	for _, src := range sources {
		if s.entries[src.Name] != nil {
			faults = append(faults, fmt.Errorf("secret %s: is declared twice", src.Name))
			continue
		}
		e, err := p.entry(src)
		if err == nil {
			_, err = e.get(false)
			if errors.Is(err, ErrAbsent) && !src.Required {
				err = nil
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("secret %s: %w", src.Name, err))
			continue
		}
		s.entries[src.Name] = e
		s.order = append(s.order, src.Name)
	}
	return s, errors.Join(faults...)
}

// entry is where a source's secret is read. Nothing is read yet but variables.
func (p Places) entry(src Source) (*entry, error) {
	kind, where, _ := strings.Cut(src.From, ":")
	e := &entry{source: src, where: where}
	switch {
	case src.Type != "" && src.Type != "string" && src.Type != "url":
		return nil, errors.New("its type is neither string nor url")
	case kind == "env" && where != "":
		e.noun, e.read = "the variable "+where, p.variable(where)
	case kind == "file" && where != "":
		e.noun, e.read = "the file "+where, (&file{path: where, shut: openTo}).read
	case kind == "systemd" && where != "":
		return e, p.credential(e, where)
	case src.From == "store" && p.Store != nil:
		e.noun, e.read, e.where = "Doorward's store", p.Store, src.Name
	case kind == "vault" && where != "" && p.Vault != nil:
		e.noun, e.read = "Vault", p.Vault
	case kind == "keyring" && where != "" && p.Keyring != nil:
		e.noun, e.read = "the keyring", p.Keyring
	default:
		return nil, errors.New("its source is none of env:NAME, file:PATH, systemd:NAME, keyring:SERVICE/ACCOUNT, store and vault:MOUNT/PATH#FIELD that can be had here")
	}
	return e, nil
}

// variable reads a variable, once and for all. An empty one counts as none:
// that is what a failed expansion in a start script leaves.
func (p Places) variable(name string) Place {
	text := ""
	if p.Environ != nil {
		text, _ = p.Environ(name)
	}
	return func(string, bool) (Reading, error) {
		if text == "" {
			return Reading{}, errUnset
		}
		return Reading{Text: text}, nil
	}
}

// errUnset is a variable that is not there.
var errUnset = fmt.Errorf("%w: set it where Doorward is started, and start it again", absentAs("is not set"))

// absentAs is ErrAbsent in other words.
type absentAs string

// Error implements error.
func (a absentAs) Error() string { return string(a) }

// Is tells that it is ErrAbsent.
func (a absentAs) Is(target error) bool { return target == ErrAbsent }

// Get is the secret of this name, as it is now: a file that has changed is read
// again, and one that has gone bad is an error, whatever it held before. The
// error names the secret and where it is. Upstream calls it at each use.
func (s *Store) Get(name string) (Value, error) {
	now, _, err := s.versions(name, false)
	return now, err
}

// Versions are the secret of this name as it is now and, while that counts too, the
// version before: whoever signs signs with both, and whoever verifies takes either.
func (s *Store) Versions(name string) ([]Value, error) {
	now, before, err := s.versions(name, false)
	if err != nil {
		return nil, err
	}
	if before == (Value{}) {
		return []Value{now}, nil
	}
	return []Value{now, before}, nil
}

// Instead is what to present in place of a version that was refused: the secret as it is
// now, asked for anew, when that is another, or else the version before while it counts.
// ok is false when there is nothing else to present.
func (s *Store) Instead(name string, refused Value) (other Value, ok bool) {
	now, before, err := s.versions(name, true)
	switch {
	case err != nil:
		return Value{}, false
	case now.Reveal() != refused.Reveal():
		return now, true
	}
	return before, before != Value{}
}

func (s *Store) versions(name string, fresh bool) (now, before Value, err error) {
	e := s.entries[name]
	if e == nil {
		return now, before, fmt.Errorf("secret %s: %w", name, ErrUnknown)
	}
	r, err := e.get(fresh)
	if err != nil {
		return now, before, fmt.Errorf("secret %s: %w", name, err)
	}
	now = newValue(r.Text)
	if old := s.past.before(e.source, r, time.Now()); old != "" {
		before = newValue(old)
	}
	return now, before, nil
}

// get reads the secret and holds it to its type.
func (e *entry) get(fresh bool) (Reading, error) {
	r, err := e.read(e.where, fresh)
	if err == nil {
		err = CheckType(r.Text, e.source.Type)
	}
	if err != nil {
		return Reading{}, fmt.Errorf("%s %w", e.noun, err)
	}
	return r, nil
}

// Changed is since when a secret has the value that it has; the zero time where its
// place does not know, as for variables.
func (s *Store) Changed(name string) time.Time {
	e := s.entries[name]
	if e == nil {
		return time.Time{}
	}
	r, err := e.get(false)
	if err != nil {
		return time.Time{}
	}
	return r.Changed
}

// Overdue names the secrets that have had their value for longer than their MaxAge,
// in the order of the sources. Those that cannot be looked at are left out: Get
// says so.
func (s *Store) Overdue(now time.Time) []string {
	var names []string
	for _, name := range s.order {
		most := s.entries[name].source.MaxAge
		if since := s.Changed(name); most > 0 && !since.IsZero() && now.Sub(since) > most {
			names = append(names, name)
		}
	}
	return names
}

// CheckType tells whether text may be a secret of this type: "", "string" or "url". The
// error does not quote it, nor does it wrap the parser's, which would.
func CheckType(text, kind string) error {
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
