package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/leak"
	"doorward/internal/secret"
	"doorward/internal/store"
)

// SecretSearch says what SearchSecrets looks for, and where.
type SecretSearch struct {
	Config      *config.Config
	Path        string // of the configuration; empty: it is in no file
	Environment []string
	// Skip says why a secret is not asked for; empty: it is.
	Skip func(config.Secret) string
	// Further files and directories, beside those of Doorward's own.
	Further []string
	// Progress is told how much was looked at; nil: nobody is.
	Progress func(files int, bytes int64)
}

// SecretsSought is what a search came to. No value is in it.
type SecretsSought struct {
	Sought   []string         `json:"sought"` // names of secrets, and of canaries after "canary "
	Unsought []SecretUnsought `json:"unsought"`
	Files    int              `json:"files"`
	Bytes    int64            `json:"bytes"`     // decompressed ones, too
	PassedBy int              `json:"passed_by"` // links, sockets and the like
	Found    []SecretFound    `json:"found"`
	More     int              `json:"more"`     // places found that are not listed
	Unlooked []string         `json:"unlooked"` // what could not be looked at, and why
}

// SecretUnsought is a secret that was not looked for.
type SecretUnsought struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// SecretFound is a place where secrets are.
type SecretFound struct {
	File         string   `json:"file"`
	Offset       int64    `json:"offset"`       // bytes, where what was found begins
	InName       bool     `json:"in_name"`      // it is in the file's name, and marked there
	Decompressed bool     `json:"decompressed"` // the offset is in what the file decompresses to
	Secrets      []string `json:"secrets"`
}

// SearchSecrets looks for the values of a configuration's secrets and of the planted canaries,
// plain and encoded, in what Doorward has written, in its configuration and in further files.
// Where a secret is kept by its own reference is no find. Nothing is written, and what Vault makes
// for the search is given back. An error says that nothing was looked at.
func SearchSecrets(ctx context.Context, s SecretSearch) (out *SecretsSought, err error) {
	a := &App{Options: Options{Config: s.Config, Environment: s.Environment, Log: slog.New(slog.DiscardHandler)}}
	if err := a.openSecrets(s.Config.DataDir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.leaveVault()) }()
	k := &seeking{out: &SecretsSought{Sought: []string{}, Unsought: []SecretUnsought{}, Found: []SecretFound{}, Unlooked: []string{}}, homes: map[string]string{}, progress: s.Progress, known: map[string]bool{}}
	for _, name := range names(s.Config.Secrets) {
		k.seek(a, name, s.Config.Secrets[name], s.Skip(s.Config.Secrets[name]))
	}
	if err := k.seekCanaries(s.Config.DataDir); err != nil {
		return nil, err
	}
	slices.SortFunc(k.out.Unsought, func(a, b SecretUnsought) int { return strings.Compare(a.Name, b.Name) })
	k.watch = leak.New(k.values)
	return k.out, k.lookEverywhere(ctx, ownPlaces(s.Config, s.Path), s.Further)
}

// seek adds the versions of a secret that count.
func (k *seeking) seek(a *App, name string, s config.Secret, why string) {
	if s.PerCall() {
		why = "it is made for each call, and given back"
	}
	if why != "" {
		k.leaveOut(name, why)
		return
	}
	held, err := a.places.Open([]secret.Source{{Name: name, From: s.From, Required: s.Required, Type: s.Type, Overlap: time.Duration(s.Overlap)}})
	if err != nil {
		k.unlooked(err)
		return
	}
	all, err := held.Versions(name)
	switch {
	case errors.Is(err, secret.ErrAbsent):
		k.leaveOut(name, "it is not there, and not required")
		return
	case err != nil:
		k.unlooked(err)
		return
	}
	for _, v := range all {
		if len(v.Reveal()) < leak.Least {
			k.leaveOut(name, fmt.Sprintf("it has fewer than %d bytes, which are in other words, too", leak.Least))
			return
		}
		k.values = append(k.values, leak.WithLines(name, v.Reveal())...)
	}
	k.out.Sought = append(k.out.Sought, name)
	if path, ok := strings.CutPrefix(s.From, "file:"); ok {
		k.homes[name] = path
	}
	if credential, ok := strings.CutPrefix(s.From, "systemd:"); ok {
		if dir, there := a.variable("CREDENTIALS_DIRECTORY"); there {
			k.homes[name] = filepath.Join(dir, credential)
		}
	}
}

func (k *seeking) seekCanaries(dir string) error {
	kept, err := store.OpenCanaries(dir)
	if err != nil {
		return err
	}
	all, err := kept.List()
	if err != nil {
		return err
	}
	for _, c := range all {
		name := "canary " + c.Name
		k.values = append(k.values, leak.Secret{Name: name, Text: c.Value})
		k.out.Sought = append(k.out.Sought, name)
		k.homes[name] = kept.Path()
	}
	return nil
}

func (k *seeking) leaveOut(name, why string) {
	k.out.Unsought = append(k.out.Unsought, SecretUnsought{name, why})
}

func (k *seeking) unlooked(err error) {
	if len(k.out.Unlooked) < maxUnlooked {
		said, _ := k.watch.Mask([]byte(err.Error())) // it may name a file
		k.out.Unlooked = append(k.out.Unlooked, string(said))
	}
}

// ownPlaces are the files and directories that Doorward writes, and its configuration.
func ownPlaces(cfg *config.Config, path string) []string {
	all := []string{cfg.DataDir, cfg.Trust.Lock, path}
	for i := range cfg.Audit.Sinks {
		all = append(all, cfg.Audit.Sinks[i].Path)
	}
	for i := range cfg.Audit.Checkpoint.Anchors {
		all = append(all, cfg.Audit.Checkpoint.Anchors[i].Path, cfg.Audit.Checkpoint.Anchors[i].Dir)
	}
	return slices.DeleteFunc(all, func(path string) bool { return path == "" })
}
