package checklist

import (
	"io/fs"
	"time"
)

// State is what the configuration does not say: gathered by the CLI, from a
// running gateway or from its files. The zero value is that of a machine of which
// nothing is known.
type State struct {
	Now time.Time
	// Unread says why Keys and Definitions are not known; empty: they are.
	Unread      string
	Keys        []Key
	Definitions []Definition
	Gateway     *Gateway // nil: none runs
	Config      File
	DataDir     File
	Lock        File
	Secrets     map[string]Secret // of the configuration's files
	Redis       *Redis            // nil: its URL is not known
	// Unlaunchable says of upstreams why their command would not be started, by name.
	Unlaunchable map[string]string
	// Line tells on which line the file writes a path (config.Lines); nil: none.
	Line func(path string) int
}

// Key is an API key, never its text.
type Key struct {
	ID, Name                            string
	Roles                               []string
	Created, Expires, LastUsed, Revoked time.Time // zero: never
}

// Definition is one thing that an upstream offers, and how it stands.
type Definition struct {
	Upstream, Kind, Name string
	State                string // held, approved, changed, rejected
}

// Gateway is a running one's account of itself.
type Gateway struct {
	Ready   bool
	Reasons []string // why not ready, or what is amiss
}

// File is a file or a directory, as far as its mode goes.
type File struct {
	Path   string
	Exists bool
	Mode   fs.FileMode
}

// others are the permission bits of everybody but the owner.
func (f File) others() fs.FileMode { return f.Mode.Perm() & 0o077 }

// Secret is one secret, never its value.
type Secret struct {
	Fault   string // why it cannot be had; empty: it can
	Overdue bool   // older than its max_age
	Unasked string // why it was not looked at; empty: it was
}

// Redis is where a Redis is, never its password.
type Redis struct {
	Host     string
	TLS      bool
	Loopback bool
}

// unread warns where keys or definitions are asked about and nobody knows them.
func (s *subject) unread(a *answer) bool {
	if s.state.Unread != "" {
		a.warn("", "not known: %s", s.state.Unread)
		a.fix = "check again where the gateway's data directory can be read, once the gateway or doorward trust list has run"
	}
	return s.state.Unread != ""
}
