package npm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"doorward/internal/durable"
	"doorward/internal/install"
)

// Order says what is to be installed, and where.
type Order struct {
	Package  Package
	Dir      string // absolute and without links; what is there is replaced
	Registry string // URL
	// Run runs npm with these arguments in a directory, which alone it may write.
	Run func(ctx context.Context, dir string, args []string) error
}

// Install installs a package in place of what was installed in the directory. Where that
// was the same version, its list says what each archive must be. A package is installed
// whole or not at all: what was there stays until the new one was looked at.
func Install(ctx context.Context, o Order) (Installed, error) {
	err := install.Whole(o.Dir, func(beside string) error {
		if err := o.fetch(ctx, beside); err != nil {
			return err
		}
		_, err := o.verified(beside)
		return err
	})
	if err != nil {
		return Installed{}, fmt.Errorf("installing %s: %w", &o.Package, err)
	}
	return o.verified(o.Dir)
}

// fetch has npm install the package into a directory that is empty.
func (o *Order) fetch(ctx context.Context, dir string) error {
	manifest, err := json.MarshalIndent(map[string]any{"private": true, "dependencies": map[string]string{o.Package.Name: o.Package.Version}}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing package.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), append(manifest, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing package.json: %w", err)
	}
	verb, err := o.known(dir)
	if err != nil {
		return err
	}
	return o.Run(ctx, dir, []string{
		verb, "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--omit=dev", "--no-update-notifier", "--no-progress", "--color=false",
		"--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000", "--registry=" + o.Registry, "--prefix=" + dir,
	})
}

// known takes the list over of the same version that is installed, and is what npm is to
// do: ci by that, install without one.
func (o *Order) known(dir string) (verb string, err error) {
	switch _, err := At(o.Dir, o.Package); {
	case errors.Is(err, ErrNone), errors.Is(err, ErrOther):
		return "install", nil
	case err != nil:
		return "", fmt.Errorf("%w: remove %s to install it anew", err, o.Dir)
	}
	if _, err := listed(o.Dir, lockFile); err != nil {
		return "", fmt.Errorf("%w: remove %s to install it anew", err, o.Dir)
	}
	raw, err := durable.ReadNamed(filepath.Join(o.Dir, lockFile), maxList)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, lockFile), raw, 0o600); err != nil {
		return "", fmt.Errorf("writing %s: %w", lockFile, err)
	}
	return "ci", nil
}

// verified is what is installed in a directory, where both lists say of every package
// what its archive must be, and say the same.
func (o *Order) verified(dir string) (Installed, error) {
	lock, err := listed(dir, lockFile)
	if err != nil {
		return Installed{}, err
	}
	list, err := listed(dir, listFile)
	if err != nil {
		return Installed{}, err
	}
	for at, e := range list {
		if lock[at].Integrity != e.Integrity {
			return Installed{}, fmt.Errorf("%w: the lists of %s disagree on %s", ErrUnverified, dir, at)
		}
	}
	return At(dir, o.Package)
}
