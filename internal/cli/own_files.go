package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"doorward/internal/app"
	"doorward/internal/config"
)

// notOurs refuses to write where Doorward keeps files of its own: in data_dir and dirs, which
// are logs, and over the configuration, the lock file, copies, the checkpoints of anchors, keys
// and secrets in files. What was written there would be read as one of them.
func (r *run) notOurs(path string, dirs ...string) error {
	at, err := filepath.Abs(path)
	if err != nil {
		return failed(err)
	}
	own := append([]string{r.config}, dirs...)
	cfg, err := config.Load(r.config)
	switch {
	case err == nil:
		own = append(own, app.Owned(cfg, r.config)...)
	case !errors.Is(err, fs.ErrNotExist):
		return failed(fmt.Errorf("where doorward keeps its files is not known: %w", err))
	}
	for _, place := range own {
		if place == "" {
			continue
		}
		if place, err = filepath.Abs(place); err != nil {
			return failed(err)
		}
		if config.Inside(place, at) {
			return failed(fmt.Errorf("%s is where doorward keeps files of its own (%s): name another place", path, place))
		}
	}
	return nil
}
