package upstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

func asFault(err error, to **gate.Error) bool { return errors.As(err, to) }

// search looks through everything that can be reached from a value: fields of any
// kind, elements, keys and values of maps, what interfaces and atomic pointers hold.
// It does not see what is in channels and closures, nor in net/http's connections,
// whose buffers keep the last request until the next one.
type search struct {
	needles []string
	seen    map[visit]bool
	found   []string
}

type visit struct {
	at  unsafe.Pointer
	typ reflect.Type
}

// left is where the texts are found in what a pool has open. It closes the pool
// first: nothing may change what is looked at.
func left(t *testing.T, p *upstream.Pool, needles ...string) []string {
	t.Helper()
	all := upstream.Remains(p)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return holds([]any{p, all}, needles...)
}

// holds is where the texts are found in what can be reached from root.
func holds(root any, needles ...string) []string {
	s := &search{needles: needles, seen: map[visit]bool{}}
	s.walk(reflect.ValueOf(root), "root")
	return s.found
}

func (s *search) look(text, path string) {
	for _, n := range s.needles {
		if strings.Contains(text, n) {
			s.found = append(s.found, path)
		}
	}
}

// open is v with all its fields to be read, in memory of its own where it has none.
func open(v reflect.Value) reflect.Value {
	if !v.CanAddr() {
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		return c
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

func (s *search) walk(v reflect.Value, path string) {
	if !v.IsValid() {
		return
	}
	v = open(v)
	switch v.Kind() {
	case reflect.String:
		s.look(v.String(), path)
	case reflect.Pointer:
		if v.IsNil() || v.Type() == reflect.TypeFor[*http.Transport]() || s.seen[visit{v.UnsafePointer(), v.Type()}] {
			return
		}
		s.seen[visit{v.UnsafePointer(), v.Type()}] = true
		s.walk(v.Elem(), path)
	case reflect.Interface:
		if !v.IsNil() {
			s.walk(v.Elem(), path)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			s.walk(it.Key(), path+".key")
			s.walk(it.Value(), fmt.Sprintf("%s[%v]", path, it.Key().Type()))
		}
	case reflect.Slice, reflect.Array:
		s.elements(v, path)
	case reflect.Struct:
		if load := v.Addr().MethodByName("Load"); v.Type().PkgPath() == "sync/atomic" && load.IsValid() && load.Type().Out(0).Kind() == reflect.Pointer {
			s.walk(load.Call(nil)[0], path)
			return
		}
		for i := range v.NumField() {
			s.walk(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	}
}

func (s *search) elements(v reflect.Value, path string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		raw := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(raw), v)
		s.look(string(bytes.ToValidUTF8(raw, nil)), path)
		return
	}
	if v.Kind() == reflect.Slice { // and what is left beyond its length
		v = v.Slice3(0, v.Cap(), v.Cap())
	}
	for i := range v.Len() {
		s.walk(v.Index(i), path+"[]")
	}
}

// The search finds what is there: in a map's key, behind an atomic pointer, in
// a secret.
func TestHolds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := stdioPool(t, "echo", func(s *upstream.Settings) { s.Dir = dir })
	session := newSession("canary-session")
	if _, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`))); err != nil {
		t.Fatal(err)
	}
	found := strings.Join(left(t, p, "canary-session", `"logging":{}`, dir), "\n")
	for _, path := range []string{".key.owner.key", ".hello.capabilities", ".cmd.", ".Dir", ".session."} {
		if !strings.Contains(found, path) {
			t.Errorf("nothing is found in %s: %s", path, found)
		}
	}
	deep := map[string]any{"a": []any{struct{ s gate.Secret }{gate.NewSecret("canary-deep")}}}
	if len(holds(deep, "canary-deep")) != 1 || len(holds(deep, "canary-other")) != 0 {
		t.Errorf("found %q", holds(deep, "canary-deep"))
	}
}
