package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/builtin"
	"doorward/internal/builtin/files"
	"doorward/internal/config"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// builtinURL is what the requests to a built-in server name. Nobody looks it up.
const builtinURL = "http://builtin/mcp"

// errEnded is a built-in server that is configured no more.
var errEnded = errors.New("the built-in server is configured no more")

// builtins are Doorward's own servers that are in use.
type builtins struct {
	mu  sync.Mutex
	all ownServers     // never written to: replaced whole
	wg  sync.WaitGroup // of those that end

	closed bool // what ends now ends at once
}

// ownServers are servers of Doorward's own, by upstream.
type ownServers map[string]*ownServer

// ownServer is one of Doorward's own servers: the way to it, which makes it the first time.
type ownServer struct {
	set  any // what it is made of
	make func() (*builtin.Server, error)

	mu     sync.Mutex
	server *builtin.Server // nil: nobody has asked it yet
	ended  bool

	failing atomic.Pointer[string] // why it cannot do its work, though it answers; nil: it can
}

// healthOf has a server of Doorward's own say whether it can do its work: nil, or why not.
// The operator's log has when that ends and begins, however many calls there are.
func (o *ownServer) healthOf(log *slog.Logger, name string) func(error) {
	return func(err error) {
		if err == nil {
			if o.failing.Load() != nil && o.failing.Swap(nil) != nil {
				log.Info("an upstream of Doorward's own works again", "upstream", name)
			}
			return
		}
		why := err.Error()
		if o.failing.Swap(&why) == nil {
			log.Warn("an upstream of Doorward's own does not work: what it needs fails", "upstream", name, "error", why)
		}
	}
}

// Failing implements upstream.Failing.
func (o *ownServer) Failing() string {
	if why := o.failing.Load(); why != nil {
		return *why
	}
	return ""
}

// RoundTrip implements http.RoundTripper.
func (o *ownServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s, err := o.get()
	if err != nil {
		return nil, err
	}
	return s.Wire().RoundTrip(req)
}

func (o *ownServer) get() (*builtin.Server, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return nil, errEnded
	}
	if o.server == nil {
		s, err := o.make()
		if err != nil {
			return nil, err
		}
		o.server = s
	}
	return o.server, nil
}

func (o *ownServer) end() {
	o.mu.Lock()
	o.ended = true
	s := o.server
	o.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

// attach gives upstreams that are servers of Doorward's own the way to them, and returns those
// servers by upstream. One that is set as before stays the same server.
func (b *builtins) attach(a *App, all []upstream.Settings) ownServers {
	b.mu.Lock()
	defer b.mu.Unlock()
	servers := ownServers{}
	for i := range all {
		set := &all[i]
		made, ok := set.Builtin.(builtinServer)
		if !ok {
			continue
		}
		one := b.all[set.Name]
		if one == nil || !reflect.DeepEqual(one.set, set.Builtin) {
			one = &ownServer{set: set.Builtin}
			health := one.healthOf(a.Log, set.Name)
			one.make = func() (*builtin.Server, error) { return made.server(a, health) }
		}
		set.Wire, servers[set.Name] = one, one
	}
	return servers
}

// now are the servers that are in use.
func (b *builtins) now() ownServers {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all
}

// only makes these the servers that are in use, and ends the others.
func (b *builtins) only(servers ownServers) {
	if !b.unlessClosed(func() { b.endBut(b.all, servers); b.all = servers }) {
		servers.end()
	}
}

// discard ends servers that did not come into use.
func (b *builtins) discard(servers ownServers) {
	if !b.unlessClosed(func() { b.endBut(servers, b.all) }) {
		servers.end()
	}
}

// unlessClosed does something under mu, and tells that it did: once all are closed, nobody
// would wait for what it begins.
func (b *builtins) unlessClosed(do func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		do()
	}
	return !b.closed
}

// endBut ends the servers that are not among others. It needs mu.
func (b *builtins) endBut(servers, others ownServers) {
	for name, one := range servers {
		if others[name] != one {
			b.wg.Go(one.end)
		}
	}
}

// close ends all servers and waits for it. A reload under way brings none into use any more,
// and ends those that it made.
func (b *builtins) close() {
	b.mu.Lock()
	b.closed = true
	b.endBut(b.all, nil)
	b.all = nil
	b.mu.Unlock()
	b.wg.Wait()
}

// end ends all of them, one after the other.
func (servers ownServers) end() {
	for _, one := range servers {
		one.end()
	}
}

// ready makes every server, and says of which that is not possible.
func (servers ownServers) ready() error {
	var faults []error
	for _, name := range names(servers) {
		if _, err := servers[name].get(); err != nil {
			faults = append(faults, fmt.Errorf("upstreams.%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// builtinServer is how one of Doorward's own servers is set. As JSON it is what the lock
// pins of it.
type builtinServer interface {
	server(a *App, health func(error)) (*builtin.Server, error)
}

// ownServerOf is what an upstream's own server is made of; nil for an upstream elsewhere.
func ownServerOf(cfg *config.Config, path, name string) builtinServer {
	u := cfg.Upstreams[name]
	switch u.Builtin {
	case config.BuiltinDocs:
		return docsOf(cfg, name)
	case config.BuiltinSQL:
		return sqlServer{
			Kind: u.Builtin, DSN: u.DSN, Tables: u.Tables, Mask: u.Mask, Timeout: time.Duration(u.Timeout).String(), Rows: u.Rows, Bytes: int64(u.Bytes), MaxCost: int64(u.MaxCost),
			name: name, timeout: time.Duration(u.Timeout),
		}
	case config.BuiltinCommands:
		return commandsOf(name, &u)
	case config.BuiltinFiles:
		apart := Owned(cfg, path)
		if u.Write {
			apart = append(apart, Believed(cfg)...)
		}
		is, _ := sandbox.Look(u.Root) // zero for none: it cannot be made then
		return filesServer{
			Kind: u.Builtin, Root: u.Root, MaxFile: int64(u.MaxFile), Write: u.Write, Ignore: u.Ignored(),
			name: name, apart: strings.Join(apart, "\x00"), device: is.Device, inode: is.Inode,
		}
	}
	return nil
}

// handedTo are the names of the secrets that a server of Doorward's own asks for.
func handedTo(own builtinServer) (all []string) {
	switch s := own.(type) {
	case sqlServer:
		all = []string{s.DSN}
	case docsServer:
		all = []string{s.Index.DSN, s.Index.Key}
		if _, brought := config.RequestKey(s.Embedder.Key); !brought {
			all = append(all, s.Embedder.Key)
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// filesServer is builtin files.
type filesServer struct {
	Kind    string   `json:"kind"`
	Root    string   `json:"root"`
	MaxFile int64    `json:"max_file"`
	Write   bool     `json:"write"`
	Ignore  []string `json:"ignore"`

	name, apart   string // and what root must be apart from, a NUL between
	device, inode uint64 // of the directory: another at the same path is another server
}

func (f filesServer) server(*App, func(error)) (*builtin.Server, error) {
	if err := apart(f.Root, strings.Split(f.apart, "\x00")); err != nil {
		return nil, err
	}
	s, stop, err := files.New(files.Settings{Name: f.name, Root: f.Root, MaxFile: f.MaxFile, Write: f.Write, Ignore: f.Ignore, Version: builtinVersion})
	if err != nil {
		return nil, err
	}
	return builtin.Serve(s, stop), nil
}

// builtinVersion is what the built-in servers say of themselves. The lock pins it, so it
// changes when they do and not with each release of Doorward.
const builtinVersion = "1"

// apart refuses a directory in which something of Doorward's own lies, or that lies in
// something of it: whoever reads or writes there would have keys, or the record.
func apart(root string, owned []string) error {
	at, err := filepath.EvalSymlinks(root)
	if err != nil {
		return fmt.Errorf("root %s: %w", root, err)
	}
	for _, p := range owned {
		if p == "" {
			continue
		}
		own := resolved(p)
		if within(own, at) || within(at, own) {
			return fmt.Errorf("root %s and %s, which Doorward keeps or goes by, lie one in the other: serve a directory apart from it", root, p)
		}
	}
	return nil
}

// resolved is a path without links, as far as there is something at it.
func resolved(path string) string {
	if at, err := filepath.EvalSymlinks(path); err == nil {
		return at
	}
	up := filepath.Dir(path)
	if up == path {
		return path
	}
	return filepath.Join(resolved(up), filepath.Base(path))
}

// within tells whether a path lies in a directory, or is it, by what the system says they are.
func within(path, dir string) bool {
	is, err := os.Stat(dir)
	if err != nil {
		return false
	}
	for at := path; ; at = filepath.Dir(at) {
		if st, err := os.Stat(at); err == nil && os.SameFile(st, is) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}
