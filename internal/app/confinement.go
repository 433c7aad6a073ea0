package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// confinement is what the commands that an upstream is, or runs, are given in their sandboxes;
// nil for one that has none.
func confinement(cfg *config.Config, name, path string) *upstream.Confinement {
	u := cfg.Upstreams[name]
	if !u.Runs() || !u.Sandbox.Confined() {
		return nil
	}
	kind := ""
	if u.Sandbox.Contained() {
		kind = u.Sandbox.Kind
	}
	return &upstream.Confinement{
		Kind: kind, Image: u.Sandbox.Image, Runsc: u.Sandbox.Kind == sandbox.Runsc,
		Given: sandbox.Given{
			Read: u.Sandbox.Read, Write: u.Sandbox.Write, Hide: Owned(cfg, path), Believed: Believed(cfg), Planted: written(cfg),
			Limits: u.Sandbox.Limits(), Weaker: u.Sandbox.AllowWeaker,
		},
		Allow: u.Sandbox.Places(),
	}
}

// Owned are the paths of Doorward's own, of its configuration at path and of its secrets: no
// command sees them, whatever directory around them it was given.
func Owned(cfg *config.Config, path string) (paths []string) {
	add := func(p string) {
		if p == "" {
			return
		}
		if abs, err := filepath.Abs(p); err == nil {
			paths = append(paths, abs)
		}
	}
	for _, p := range []string{path, cfg.DataDir, cfg.Trust.Lock, cfg.Trust.Signing, cfg.Listen.TLS.Key, cfg.Vault.Auth.TokenFile} {
		add(p)
	}
	if a := cfg.Vault.Auth.AppRole; a != nil {
		add(a.SecretIDFile)
	}
	if k := cfg.Vault.Auth.Kubernetes; k != nil {
		add(k.TokenPath)
	}
	for _, s := range cfg.Audit.Sinks {
		add(s.Path)
	}
	for _, a := range cfg.Audit.Checkpoint.Anchors {
		add(a.Path)
		add(a.Dir)
	}
	for _, name := range names(cfg.Upstreams) {
		if cfg.Upstreams[name].Builtin == config.BuiltinDocs {
			add(docsOf(cfg, name).Index.Path)
		}
	}
	references := []string{cfg.SecretStore.Root}
	for _, name := range names(cfg.Secrets) {
		references = append(references, cfg.Secrets[name].From)
	}
	for _, from := range references {
		if file, ok := strings.CutPrefix(from, "file:"); ok {
			add(file)
		}
	}
	return paths
}

// Believed are the files and directories that a configuration names: whatever Doorward decides
// by, such as the certificates of who vouches for an issuer, a server or a client. A command may
// read them where it is given them, for they are the system's at times, and write none: whoever
// writes one vouches for whom they like. They are found by the type of their keys, so that none
// is forgotten.
func Believed(cfg *config.Config) []string {
	found := paths(reflect.ValueOf(*cfg), nil)
	slices.Sort(found)
	return slices.Compact(found)
}

// paths appends what of a value is of type path, but for what commands are given.
func paths(v reflect.Value, found []string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			found = paths(v.Elem(), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = paths(v.Index(i), found)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			found = paths(v.MapIndex(key), found)
		}
	case reflect.Struct:
		if _, given := reflect.TypeAssert[config.Sandbox](v); given {
			return found
		}
		for i := range v.NumField() {
			field, f := v.Type().Field(i), v.Field(i)
			if field.Tag.Get("type") != "path" {
				if field.IsExported() {
					found = paths(f, found)
				}
				continue
			}
			if abs, err := filepath.Abs(f.String()); err == nil && f.Kind() == reflect.String && f.String() != "" {
				found = append(found, abs)
			}
		}
	}
	return found
}

// written are the paths that some command may write.
func written(cfg *config.Config) (paths []string) {
	for _, name := range names(cfg.Upstreams) {
		paths = append(paths, cfg.Upstreams[name].Sandbox.Write...)
	}
	return paths
}

// owner names the data directory to the daemons of containers: one gateway at a time
// uses that.
func owner(cfg *config.Config) string {
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		dir = cfg.DataDir
	}
	sum := sha256.Sum256([]byte("doorward containers\n" + dir))
	return hex.EncodeToString(sum[:16])
}

// allCommands are what the upstreams that are commands, or run some, would start. What can be wrong
// with settings is about certificates of servers, which commands have none of.
func allCommands(cfg *config.Config, path string) []upstream.Called {
	all, _ := settings(cfg, path)
	return upstream.Commands(all)
}

// SandboxPlan is what a command would be started with now: that of an upstream by its name, one
// that builtin commands runs by UPSTREAM/NAME. Nothing is started.
func SandboxPlan(cfg *config.Config, path, name string, environment []string) (upstream.Shown, error) {
	for _, c := range allCommands(cfg, path) {
		if c.Called == name {
			return upstream.PlanOf(c.Settings, environment, owner(cfg))
		}
	}
	return upstream.Shown{}, fmt.Errorf("no upstream that is a command is called %s, and no command of a built-in server is", name)
}

// Unlaunchable are the commands, called as SandboxPlan has them, that the launch rules would
// refuse as their files are on this machine now, and why. Nothing is started.
func Unlaunchable(cfg *config.Config, path string) map[string]string {
	why := map[string]string{}
	for _, c := range allCommands(cfg, path) {
		if err := upstream.Launchable(c.Settings); err != nil {
			why[c.Called] = err.Error()
		}
	}
	return why
}
