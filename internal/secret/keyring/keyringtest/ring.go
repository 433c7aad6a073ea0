//go:build !darwin && !windows

package keyringtest

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	servicePath = dbus.ObjectPath("/org/freedesktop/secrets")
	none        = dbus.ObjectPath("/") // no prompt is needed
)

// Secret is one as the Secret Service hands it over.
type Secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// Ring is a keyring with one collection (freedesktop.org, Secret Service API Draft 0.2).
type Ring struct {
	conn *dbus.Conn

	mu       sync.Mutex // guards the rest
	items    map[dbus.ObjectPath]*item
	sessions map[dbus.ObjectPath]bool
	locked   bool
	asked    []string // methods, in order
	silent   chan struct{}
}

type item struct {
	ring       *Ring
	attributes map[string]string
	value      []byte
	modified   time.Time
}

// Serve puts a keyring on a bus.
func Serve(t testing.TB, address string) *Ring {
	t.Helper()
	s := &Ring{conn: Connect(t, address), items: map[dbus.ObjectPath]*item{}, sessions: map[dbus.ObjectPath]bool{}}
	if err := s.conn.Export(methods{s}, servicePath, "org.freedesktop.Secret.Service"); err != nil {
		t.Fatal(err)
	}
	if r, err := s.conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("taking the name: %d, %v", r, err)
	}
	return s
}

// Put keeps a secret in place of the one with the same attributes.
func (s *Ring) Put(t testing.TB, service, account, text string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	with := map[string]string{"service": service, "username": account, "xdg:schema": "org.freedesktop.Secret.Generic"}
	for _, one := range s.items {
		if maps.Equal(one.attributes, with) {
			one.value, one.modified = []byte(text), time.Now()
			return
		}
	}
	s.put(t, with, text)
}

// PutToo keeps a second secret for an account.
func (s *Ring) PutToo(t testing.TB, service, account, text string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(t, map[string]string{"service": service, "username": account, "application": "another"}, text)
}

func (s *Ring) put(t testing.TB, with map[string]string, text string) {
	t.Helper()
	path := dbus.ObjectPath(fmt.Sprint(servicePath, "/collection/login/", len(s.items)+1))
	one := &item{ring: s, attributes: with, value: []byte(text), modified: time.Now()}
	s.items[path] = one
	if err := s.conn.Export(properties{one}, path, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
}

// Forget drops every secret.
func (s *Ring) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.items)
}

// Lock locks the collection, or unlocks it.
func (s *Ring) Lock(locked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = locked
}

// Silence lets nobody have an answer until what it returns is called.
func (s *Ring) Silence() (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	silent := make(chan struct{})
	s.silent = silent
	return sync.OnceFunc(func() {
		s.mu.Lock()
		s.silent = nil
		s.mu.Unlock()
		close(silent)
	})
}

// Asked are the methods that were called so far.
func (s *Ring) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func (s *Ring) called(method string) {
	s.mu.Lock()
	s.asked = append(s.asked, method)
	silent := s.silent
	s.mu.Unlock()
	if silent != nil {
		<-silent
	}
}

// methods has the methods of org.freedesktop.Secret.Service.
type methods struct{ s *Ring }

func (v methods) OpenSession(algorithm string, _ dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	v.s.called("OpenSession")
	if algorithm != "plain" {
		return dbus.MakeVariant(""), none, dbus.NewError("org.freedesktop.DBus.Error.NotSupported", nil)
	}
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	path := dbus.ObjectPath(fmt.Sprint(servicePath, "/session/s", len(v.s.sessions)+1))
	v.s.sessions[path] = true
	return dbus.MakeVariant(""), path, nil
}

func (v methods) SearchItems(wanted map[string]string) (unlocked, locked []dbus.ObjectPath, _ *dbus.Error) {
	v.s.called("SearchItems")
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	unlocked, locked = []dbus.ObjectPath{}, []dbus.ObjectPath{}
	for path, one := range v.s.items {
		switch {
		case !has(one.attributes, wanted):
		case v.s.locked:
			locked = append(locked, path)
		default:
			unlocked = append(unlocked, path)
		}
	}
	return unlocked, locked, nil
}

func has(attributes, wanted map[string]string) bool {
	for name, value := range wanted {
		if attributes[name] != value {
			return false
		}
	}
	return true
}

func (v methods) GetSecrets(paths []dbus.ObjectPath, session dbus.ObjectPath) (map[dbus.ObjectPath]Secret, *dbus.Error) {
	v.s.called("GetSecrets")
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if !v.s.sessions[session] {
		return nil, dbus.NewError("org.freedesktop.Secret.Error.NoSession", nil)
	}
	found := map[dbus.ObjectPath]Secret{}
	for _, path := range paths {
		if one := v.s.items[path]; one != nil && !v.s.locked {
			found[path] = Secret{Session: session, Parameters: []byte{}, Value: one.value, ContentType: "text/plain"}
		}
	}
	return found, nil
}

// Unlock would have a person asked: there is a prompt.
func (v methods) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	v.s.called("Unlock")
	return []dbus.ObjectPath{}, servicePath + "/prompt/p1", nil
}

// properties has the methods of org.freedesktop.DBus.Properties of an item.
type properties struct{ one *item }

func (p properties) Get(of, name string) (dbus.Variant, *dbus.Error) {
	p.one.ring.called("Get")
	p.one.ring.mu.Lock()
	defer p.one.ring.mu.Unlock()
	if of != "org.freedesktop.Secret.Item" || name != "Modified" {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
	}
	return dbus.MakeVariant(uint64(p.one.modified.Unix())), nil //nolint:gosec // it is after 1970
}
