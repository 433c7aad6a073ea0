package upstream

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// identity is how an upstream is started or reached: what doorward.lock pins of it
// beside what it says (security case PIN-18). Any member that differs is another
// upstream, whatever it offers.
type identity struct {
	Argv       []string `json:"argv,omitempty"`
	Executable string   `json:"executable,omitempty"` // digest of the file that argv[0] resolved to
	Env        []string `json:"env,omitempty"`        // the variables that it is given; their values are secrets
	Script     *script  `json:"script,omitempty"`     // that an interpreter runs
	Loads      []script `json:"loads,omitempty"`      // what else is executed: programs behind others, files that are loaded first

	URL       string `json:"url,omitempty"`   // as it is written, without its query
	Query     string `json:"query,omitempty"` // its digest: it may hold a key, and the lock belongs into Git
	Transport string `json:"transport,omitempty"`
	TLSKey    string `json:"tls_key,omitempty"`
}

// script is a file that is executed.
type script struct {
	Name   string `json:"name"` // as argv has it, or what argv names
	Digest string `json:"digest"`
}

// identify is the identity of a server as an item, and the path of its executable.
func (p *Pool) identify(s *server) (path string, it gate.Item, err error) {
	id := identity{}
	if s.set.URL != "" {
		id.reached(&s.set)
	} else if path, err = p.started(&id, &s.set); err != nil {
		return "", it, err
	}
	raw, err := json.Marshal(id)
	if err != nil {
		return "", it, fmt.Errorf("describing the upstream: %w", err)
	}
	it = gate.Item{Kind: gate.Command, Upstream: s.set.Name}
	if it.Raw, err = mcp.Pinned(raw); err != nil {
		return "", it, fmt.Errorf("describing the upstream: %w", err)
	}
	it.Digest, err = mcp.DigestOf(gate.Command, it.Raw)
	return path, it, err
}

func (id *identity) reached(set *Settings) {
	id.URL, id.Transport = set.URL, set.Transport
	if id.Transport == "" {
		id.Transport = transportHTTP
	}
	if before, query, ok := strings.Cut(set.URL, "?"); ok {
		id.URL, id.Query = before, gate.Digest(sha256.Sum256([]byte(query))).String()
	}
	if set.TLSKey != (gate.Digest{}) {
		id.TLSKey = set.TLSKey.String()
	}
}

// started describes a command: its arguments, the digest of its executable, the
// names of its variables, and what else it executes.
func (p *Pool) started(id *identity, set *Settings) (path string, err error) {
	for i, a := range set.Command {
		if !utf8.ValidString(a) { // two of them would look the same
			return "", fmt.Errorf("argument %d of the command is not UTF-8", i)
		}
	}
	path, digest, err := p.executable(set.Command)
	if err != nil {
		return "", err
	}
	id.Argv, id.Executable = set.Command, digest.String()
	id.Env = slices.Sorted(maps.Keys(set.Env))
	return path, p.executes(id, set)
}

// executes describes what a command executes beside its executable.
func (p *Pool) executes(id *identity, set *Settings) error {
	x, err := executions(set.Command, set.Dir, p.search())
	if err != nil {
		return err
	}
	pinned := func(e executed) (script, error) {
		digest, err := p.digests.of(e.path)
		return script{Name: e.name, Digest: digest.String()}, err
	}
	if x.script != nil {
		s, err := pinned(*x.script)
		if err != nil {
			return err
		}
		id.Script = &s
	}
	for _, e := range x.loads {
		s, err := pinned(e)
		if err != nil {
			return err
		}
		id.Loads = append(id.Loads, s)
	}
	return nil
}

// search is the PATH that commands get; empty where it is not known.
func (p *Pool) search() string {
	path := ""
	for _, kv := range p.cfg.Environment {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = value
		}
	}
	return path
}

// inDir is a path as a process that runs in dir takes it.
func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// mayReach asks the lock whether an upstream may be started or contacted as it is
// configured now. It returns the path of a command's executable.
func (s *server) mayReach() (path, what string, err error) {
	path, it, err := s.pool.identify(s)
	if err != nil {
		return "", "", s.fault(gate.CodeUpstreamDown, "finding the command", err)
	}
	if v := s.pool.cfg.Pins.ReachAllowed(it); v.Effect != gate.Continue {
		return "", "", &gate.Error{Code: orCode(v.Code, gate.CodeUpstreamHeld), Op: "reaching upstream " + s.set.Name, Err: fmt.Errorf("%w: %s", errHeld, v.Reason), Public: v.Public}
	}
	return path, it.Digest.String(), nil
}
