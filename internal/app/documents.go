package app

import (
	"errors"
	"fmt"
	"log/slog"
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

	leave func() error
}

// OpenDocuments opens the documents of an upstream, which may be empty where there is one
// builtin docs. Nothing is asked of the index and the embedder yet. Close closes them.
func OpenDocuments(cfg *config.Config, environment []string, name string) (_ *Documents, err error) {
	if name, err = docsUpstream(cfg, name); err != nil {
		return nil, err
	}
	a := &App{Options: Options{Config: cfg, Environment: environment, Log: slog.New(slog.DiscardHandler)}}
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
	d := docsOf(cfg, name)
	c, err := d.collection(held.Get)
	if err != nil {
		return nil, fmt.Errorf("upstreams.%s.%w", name, err)
	}
	return &Documents{
		Upstream: name, Library: c.library(), Ignore: config.DefaultIgnore(),
		Job:   ingest.Job{Index: c.index, Embedder: c.embedder, Wanted: c.wanted, Bounds: c.bounds, Access: d.roles, Inspect: d.inspect},
		leave: func() error { return errors.Join(c.close(), a.leaveVault()) },
	}, nil
}

// Close closes the documents.
func (d *Documents) Close() error { return d.leave() }

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
	for _, one := range all {
		if one == name {
			return name, nil
		}
	}
	return "", fmt.Errorf("upstreams.%s is no builtin docs: there is %s", name, strings.Join(all, ", "))
}
