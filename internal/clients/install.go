package clients

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/config"
)

// Request is what install and uninstall are asked to do.
type Request struct {
	Client    Client
	Env       Env
	Scope     Scope
	Target    Target                     // that the client is pointed at; install alone
	Upstreams map[string]config.Upstream // that Doorward serves; install alone
	Secrets   map[string]config.Secret   // that they refer to; install alone
	Keep      bool                       // leave their entries in the client
	Print     bool                       // change nothing
}

// The states of a Result.
const (
	StateInstalled    = "installed"
	StateAlready      = "already installed"
	StatePrinted      = "printed"
	StateRestored     = "restored"
	StateRemoved      = "removed"
	StateNotInstalled = "not installed"
)

// Result is what install or uninstall did, or would do.
type Result struct {
	State   string   `json:"state"`
	Client  string   `json:"client"`
	Scope   Scope    `json:"scope"`
	File    string   `json:"file"`
	Link    string   `json:"link,omitempty"`     // where File leads, when it is a link
	Created bool     `json:"created,omitempty"`  // there was no File
	Changed bool     `json:"changed,omitempty"`  // File is not what install wrote any more
	Backup  string   `json:"backup,omitempty"`   // what File held before
	Removed []string `json:"removed,omitempty"`  // servers that are reached through Doorward now
	PutBack []string `json:"put_back,omitempty"` // servers that install had removed
	Left    []Left   `json:"left,omitempty"`     // servers that the client still reaches itself
	Carried []string `json:"carried,omitempty"`  // variables whose values stay in the file, for Doorward now
	Advice  []string `json:"advice,omitempty"`
	Snippet string   `json:"snippet,omitempty"` // what to write by hand; holds no other server
}

// Left is a server that the client still reaches without Doorward.
type Left struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Served bool   `json:"served"` // Doorward serves it too
}

// Install writes Doorward into a client's file and takes out the servers that
// are reached through it now. Doing it again changes nothing.
func Install(q Request) (*Result, error) {
	p, err := q.Client.place(q.Env, q.Scope)
	if err != nil {
		return nil, err
	}
	put, input, err := q.Client.form(q.Target)
	if err != nil {
		return nil, err
	}
	f, err := load(p.Path)
	if err != nil {
		return nil, err
	}
	res := &Result{State: StateAlready, Client: q.Client.Name, Scope: q.Scope, File: p.Path, Link: f.linked(), Created: f.absent, Advice: q.Client.advice(q.Target)}
	drop, carried, err := q.sort(f, p, res)
	if err != nil {
		return nil, err
	}
	e := edit{root: p.Root, put: put, input: input, drop: drop}
	if res.Snippet, err = snippet(q.Client.format, e); err != nil {
		return nil, err
	}
	if len(carried) > 0 { // not in the snippet, which is printed
		e.put = append(slices.Clip(put), field{"env", carried})
		for _, v := range carried {
			res.Carried = append(res.Carried, v.key)
		}
	}
	if q.Print {
		res.State, res.Removed = StatePrinted, drop
		return res, nil
	}
	out, err := change(q.Client.format, f.data, e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	if !f.absent && bytes.Equal(out, f.data) {
		return res, nil
	}
	res.State, res.Removed = StateInstalled, drop
	return res, q.write(f, p, out, res)
}

// write makes the backup, then the record, then the change: whatever happens in
// between, uninstall can undo it.
func (q *Request) write(f *file, p Place, out []byte, res *Result) error {
	rec, err := readRecord(p.Path)
	if err != nil {
		return err
	}
	in := rec.of(p.Root)
	now := digest(f.data)
	switch {
	case in == nil:
		in = &installed{Root: p.Root, Absent: f.absent, Original: now}
		err = in.keep(f)
	case now != in.Written && now != in.Original:
		in.Changed = true
		err = in.keep(f)
	}
	if err != nil {
		return fmt.Errorf("making the backup: %w", err)
	}
	for _, name := range res.Removed {
		in.Removed = appendNew(in.Removed, name)
	}
	in.Written = digest(out)
	if len(in.Backups) > 0 {
		res.Backup = filepath.Join(filepath.Dir(p.Path), in.Backups[0])
	}
	if f.absent {
		if err := os.MkdirAll(filepath.Dir(f.target), 0o700); err != nil {
			return err
		}
	}
	if err := rec.put(p.Root, in); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	if err := f.write(out); err != nil {
		return fmt.Errorf("writing %s: %w", f.target, err)
	}
	return nil
}

// keep backs up what is there.
func (in *installed) keep(f *file) error {
	if f.absent {
		return nil
	}
	name, err := backUp(f)
	if err == nil {
		in.Backups = append(in.Backups, name)
	}
	return err
}

// sort tells the servers that are to be taken out from those that are left, in
// the file and in the client's other files, and finds what Doorward needs of them.
func (q *Request) sort(f *file, p Place, res *Result) (drop []string, carried []field, err error) {
	tree, err := decode(q.Client.format, f.data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	here, err := entries(tree, &q.Client, p)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	carry := q.carry(at(tree, p.Root))
	for i := range here {
		e := &here[i]
		switch served := serves(q.Upstreams, e); {
		case e.name == Name:
		case served && !q.Keep:
			drop = append(drop, e.name)
			carry.take(e)
		default:
			res.Left = append(res.Left, Left{Name: e.name, File: p.Path, Served: served})
		}
	}
	others, _, err := q.Client.read(q.Env)
	if err != nil {
		res.Advice = append(res.Advice, "another file of "+q.Client.Title+" could not be read, so what it reaches is not known: "+err.Error())
	}
	for i := range others {
		e := &others[i]
		if e.isDoorward() || e.file == p.Path && slices.Equal(e.root, p.Root) {
			continue
		}
		res.Left = append(res.Left, Left{Name: e.name, File: e.file, Served: serves(q.Upstreams, e)})
	}
	if missing := carry.missing(); len(missing) > 0 {
		res.Advice = append(res.Advice, fmt.Sprintf("Doorward reads %s: set them where %s is started, or as env of its entry", strings.Join(missing, ", "), q.Client.Title))
	}
	return drop, carry.fields(), nil
}

// snippet is a file that holds Doorward's entry and nothing else.
func snippet(f format, e edit) (string, error) {
	e.drop = nil
	text, err := change(f, nil, e)
	return string(text), err
}
