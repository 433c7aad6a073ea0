package app

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/docs"
	"doorward/internal/docs/ingest"
)

// Documents are those of one builtin docs, for the command line: to bring in, to search and
// to measure. The gateway may serve them meanwhile.
type Documents struct {
	Upstream string
	Library  *docs.Library
	Job      ingest.Job // without Progress
	Ignore   []string   // patterns of what is brought in from no directory

	owned []string // paths of Doorward's own
	leave func() error
}

// DocumentsOptions say whose documents are opened.
type DocumentsOptions struct {
	Config      *config.Config
	Path        string // of the configuration
	Environment []string
	Upstream    string // may be empty where there is one builtin docs
	Key         string // the secret with the embedder's key, where callers bring their own
}

// OpenDocuments opens the documents of an upstream. Nothing is asked of the index and the
// embedder yet. Close closes them.
func OpenDocuments(o DocumentsOptions) (_ *Documents, err error) {
	cfg := o.Config
	name, err := docsUpstream(cfg, o.Upstream)
	if err != nil {
		return nil, err
	}
	d := docsOf(cfg, name)
	if o.Key != "" {
		if err := d.askWith(cfg, o.Key); err != nil {
			return nil, err
		}
	}
	a := &App{Options: Options{Config: cfg, Environment: o.Environment, Log: slog.New(slog.DiscardHandler)}}
	if err := a.openSecrets(cfg.DataDir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.leaveVault())
		}
	}()
	held, err := a.secrets(cfg, false)
	if err != nil {
		return nil, err
	}
	c, err := d.collection(held.Get)
	if err != nil {
		return nil, fmt.Errorf("upstreams.%s.%w", name, err)
	}
	return &Documents{
		owned:    Owned(cfg, o.Path),
		Upstream: name, Library: c.library(), Ignore: config.DefaultIgnore(),
		Job:   ingest.Job{Index: c.index, Embedder: c.embedder, Wanted: c.wanted, Bounds: c.bounds, Access: d.roles, Inspect: d.inspect},
		leave: func() error { return errors.Join(c.close(), a.leaveVault()) },
	}, nil
}

// Apart refuses a directory with what is Doorward's own in it: keys, secrets and the record are no
// documents.
func (d *Documents) Apart(root string) error { return apart(root, d.owned) }

// Close closes the documents.
func (d *Documents) Close() error { return d.leave() }

// askWith has the embedder asked with a secret in place of callers' keys.
func (d *docsServer) askWith(cfg *config.Config, name string) error {
	if d.requestKey() == "" {
		return fmt.Errorf("a key is for an embedder whose callers bring their own: upstreams.%s.embedder.key says which is used", d.name)
	}
	if _, there := cfg.Secrets[name]; !there {
		return errors.New("the key must be the name of an entry of secrets, and there is none of this name")
	}
	d.Embedder.Key = name
	return nil
}

// docsUpstream is the builtin docs of this name, or the only one.
func docsUpstream(cfg *config.Config, name string) (string, error) {
	var all []string
	for _, one := range names(cfg.Upstreams) {
		if cfg.Upstreams[one].Builtin == config.BuiltinDocs {
			all = append(all, one)
		}
	}
	switch {
	case len(all) == 0:
		return "", errors.New("no upstream has builtin: docs: write one, such as upstreams: {handbook: {builtin: docs}}")
	case name == "" && len(all) == 1:
		return all[0], nil
	case name == "":
		return "", fmt.Errorf("say which documents are meant: --upstream %s", strings.Join(all, " or --upstream "))
	}
	if slices.Contains(all, name) {
		return name, nil
	}
	return "", fmt.Errorf("upstreams.%s is no builtin docs: there is %s", name, strings.Join(all, ", "))
}
