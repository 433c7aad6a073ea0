package upstream

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/launch"
)

// errLaunch is a command that the launch rules refuse.
var errLaunch = errors.New("refused by launch rule")

// errAbsent is a command whose package has to be installed first.
var errAbsent = errors.New("not installed")

// program is where argv[0] of a command is, if the launch rules let the command start
// from there.
func (set *Settings) program() (string, error) {
	if err := set.permitted(); err != nil {
		return "", err
	}
	if set.Absent != "" {
		return "", fmt.Errorf("%w: %s", errAbsent, set.Absent)
	}
	found, err := exec.LookPath(set.Command[0])
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(found)
	if err != nil {
		return "", err
	}
	breaches, err := launch.File(set.Command[0], path)
	if err != nil {
		return "", err
	}
	return path, set.permit(breaches)
}

// permitted tells whether the launch rules let a command have its words and variables.
func (set *Settings) permitted() error {
	if err := set.permit(launch.Words(set.Command)); err != nil {
		return err
	}
	return set.permit(launch.Environment(slices.Collect(maps.Keys(set.Env))))
}

// kept refuses a file that is executed, and that everybody may replace.
func (set *Settings) kept(path string) error {
	breaches, err := launch.Kept(path)
	if err != nil {
		return err
	}
	return set.permit(breaches)
}

// permit refuses what breaks a rule that the configuration does not allow to be broken.
func (set *Settings) permit(breaches []launch.Breach) error {
	refused := launch.Refused(breaches, set.AllowLaunch)
	if len(refused) == 0 {
		return nil
	}
	b := refused[0]
	if b.Rule == launch.Bounds {
		return fmt.Errorf("%w %s: %s", errLaunch, b.Rule, b)
	}
	return fmt.Errorf("%w %s: %s. Where it must be so: upstreams.%s.allow_launch: [%s]", errLaunch, b.Rule, b, set.Name, b.Rule)
}

// allowed says, for the record, which rules a command may break.
func (set *Settings) allowed() string {
	if len(set.AllowLaunch) == 0 {
		return ""
	}
	return ", may break launch rules: " + strings.Join(set.AllowLaunch, ", ")
}

// Launchable is why an upstream's command would not be started from where its program is
// on this machine now; nil where it would, or where it is not a command. A program that is
// not there is no reason.
func Launchable(set Settings) error {
	if len(set.Command) == 0 {
		return nil
	}
	if _, err := set.program(); errors.Is(err, errLaunch) {
		return err
	}
	return nil
}
