package upstream

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/launch"
	"doorward/internal/mcp"
	"doorward/internal/sandbox"
)

// identity is how an upstream is started or reached: what doorward.lock pins of it
// beside what it says (security case PIN-18), and what a command is confined to and is handed.
// Any member that differs is another upstream, whatever it offers.
type identity struct {
	Argv       []string `json:"argv,omitempty"`
	Executable string   `json:"executable,omitempty"` // digest of the file that argv[0] resolved to
	Image      string   `json:"image,omitempty"`      // of a container, which has the program
	Env        []string `json:"env,omitempty"`        // the variables that it is given; their values are secrets
	Script     *script  `json:"script,omitempty"`     // that an interpreter runs
	Loads      []script `json:"loads,omitempty"`      // what else is executed: programs behind others, files that are loaded first

	Package *installed `json:"package,omitempty"` // of Node.js or Python that it runs

	Confinement *terms            `json:"confinement,omitempty"`  // nil: nothing is looser than where nothing is written
	Secrets     map[string]string `json:"secrets,omitempty"`      // by variable, the name of what it is handed
	AllowLaunch []string          `json:"allow_launch,omitempty"` // the launch rules that it may break

	Builtin any                 `json:"builtin,omitempty"` // what a server of Doorward's own is set to
	Runs    map[string]identity `json:"runs,omitempty"`    // the commands that it runs, by name

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

// reach is how a server is started or reached, as an item.
type reach struct {
	item  gate.Item
	path  string         // of a command's executable
	files []sandbox.File // that the command executes, as they were when they were digested
	pack  *pinnedPackage // of Node.js or Python that it runs; nil for none

	module string             // of Python that runs in place of a script
	runs   map[string]started // by name, the commands that a server of Doorward's own runs
	packs  []*pinnedPackage   // of these, each once; their files are among files
	marks  marks              // while it is looked at
}

// started is how a command is started.
type started struct {
	id     identity
	module string
}

// identify is how a server is started or reached now.
func (p *Pool) identify(s *server) (r reach, err error) {
	id := identity{}
	if s.set.Builtin != nil {
		id.Builtin = s.set.Builtin
		err = p.allRuns(&id, &r, &s.set)
	} else if s.set.URL != "" {
		id.reached(&s.set)
	} else {
		err = p.started(&id, &r, &s.set)
	}
	if err != nil {
		return r, err
	}
	return r, r.describe(s.set.Name, &id)
}

// describe makes the item of an identity.
func (r *reach) describe(upstream string, id *identity) error {
	raw, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("describing the upstream: %w", err)
	}
	r.item = gate.Item{Kind: gate.Command, Upstream: upstream}
	if r.item.Raw, err = mcp.Pinned(raw); err != nil {
		return fmt.Errorf("describing the upstream: %w", err)
	}
	r.item.Digest, err = mcp.DigestOf(gate.Command, r.item.Raw)
	return err
}

// allRuns describes the commands that a server of Doorward's own runs.
func (p *Pool) allRuns(id *identity, all *reach, set *Settings) error {
	all.runs = make(map[string]started, len(set.Runs))
	id.Runs = make(map[string]identity, len(set.Runs))
	seen := marks{}
	for name, run := range set.runs() {
		var one identity
		r := reach{marks: seen}
		if err := p.started(&one, &r, &run); err != nil {
			return fmt.Errorf("command %s: %w", name, err)
		}
		id.Runs[name], all.runs[name] = one, started{one, r.module}
		for _, f := range r.files {
			if !slices.Contains(all.files, f) {
				all.files = append(all.files, f)
			}
		}
		if pack := r.pack; pack != nil && !slices.ContainsFunc(all.packs, func(had *pinnedPackage) bool { return slices.Equal(had.places, pack.places) }) {
			all.packs = append(all.packs, pack)
		}
	}
	return nil
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
// names of its variables, what it is given, and what else it executes.
func (p *Pool) started(id *identity, r *reach, set *Settings) error {
	for i, a := range set.Command {
		if !utf8.ValidString(a) { // two of them would look the same
			return fmt.Errorf("argument %d of the command is not UTF-8", i)
		}
	}
	if c := set.Sandbox; c != nil {
		if err := legible(c.Read, c.Write, c.Allow); err != nil {
			return err
		}
	}
	id.Confinement, id.Secrets, id.AllowLaunch = termsOf(set), secretsOf(set.Env), sorted(set.AllowLaunch)
	if set.Sandbox.contained() {
		id.Argv, id.Image = set.Command, set.Sandbox.Image
		id.Env = slices.Sorted(maps.Keys(set.Env))
		return set.permitted()
	}
	path, program, err := p.executable(set)
	if err != nil {
		return err
	}
	r.path, r.files = path, append(r.files, program.file)
	id.Argv, id.Executable = set.Command, program.digest.String()
	id.Env = slices.Sorted(maps.Keys(set.Env))
	return p.executes(id, r, set)
}

// executes describes what a command executes beside its executable.
func (p *Pool) executes(id *identity, r *reach, set *Settings) error {
	command, interpreters, err := interpreted(r.path, set.Command)
	if err != nil {
		return err
	}
	x, err := launch.Executions(command, set.Dir, p.variable("PATH"))
	if err != nil {
		return err
	}
	r.module = x.Module
	pinned := func(e launch.Executed) (script, error) {
		if err := set.kept(e.Path); err != nil {
			return script{}, err
		}
		d, err := p.digests.of(e.Path)
		r.files = append(r.files, d.file)
		return script{Name: e.Name, Digest: d.digest.String()}, err
	}
	if x.Script != nil && x.Script.Path != r.path {
		s, err := pinned(*x.Script)
		if err != nil {
			return err
		}
		id.Script = &s
	}
	for _, e := range slices.Concat(interpreters, x.Loads) {
		s, err := pinned(e)
		if err != nil {
			return err
		}
		id.Loads = append(id.Loads, s)
	}
	return p.packed(id, r, x, interpreters)
}

// packed describes the package that the script, or the program itself, belongs to.
func (p *Pool) packed(id *identity, r *reach, x *launch.Execution, interpreters []launch.Executed) error {
	path, programs := r.path, []string{r.path}
	if x.Script != nil {
		path = x.Script.Path
	}
	for _, i := range interpreters {
		programs = append(programs, i.Path)
	}
	found, ok, err := p.packages.of(path, r.marks)
	if err == nil && !ok {
		found, ok, err = p.packages.inEnvironment(programs, x, r.marks)
	}
	if err != nil || !ok {
		return err
	}
	r.pack, id.Package = &found, &found.what
	return nil
}

// interpreted is the command that the kernel makes of one whose program is a script, and
// the interpreters on the way.
func interpreted(path string, command []string) ([]string, []launch.Executed, error) {
	var found []launch.Executed
	for range 5 { // as Linux follows them (BINPRM_MAX_RECURSION)
		head, err := beginning(path)
		if err != nil {
			return nil, nil, err
		}
		program, word := sandbox.Interpreter(head)
		if program == "" {
			return command, found, nil
		}
		found = append(found, launch.Executed{Name: program, Path: program})
		words := []string{program, word, path}
		if word == "" {
			words = []string{program, path}
		}
		path, command = program, append(words, command[1:]...)
	}
	return nil, nil, fmt.Errorf("%s: a script's interpreter is a script, again and again", path)
}

// beginning is what of a program says which interpreter it has.
func beginning(path string) ([]byte, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 256)) // BINPRM_BUF_SIZE of Linux
}

// variable is one of Doorward's own environment; empty where it is not known.
func (p *Pool) variable(name string) (value string) {
	for _, kv := range p.cfg.Environment {
		if after, ok := strings.CutPrefix(kv, name+"="); ok {
			value = after
		}
	}
	return value
}

// mayReach asks the lock whether an upstream may be started or contacted as it is
// configured now.
func (s *server) mayReach() (r reach, err error) {
	r, err = s.pool.identify(s)
	if err != nil {
		return r, s.fault(gate.CodeUpstreamDown, "finding the command", err)
	}
	return r, s.pinnedAs(r.item)
}

// pinnedAs asks the lock whether an upstream may be started or contacted so.
func (s *server) pinnedAs(it gate.Item) error {
	if v := s.pool.cfg.Pins.ReachAllowed(it); v.Effect != gate.Continue {
		return &gate.Error{Code: orCode(v.Code, gate.CodeUpstreamHeld), Op: "reaching upstream " + s.set.Name, Err: fmt.Errorf("%w: %s", errHeld, v.Reason), Public: v.Public}
	}
	return nil
}
