package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/clients"
	"doorward/internal/config"
)

func (r *run) initCommand() *cobra.Command {
	var from string
	var force bool
	var names []string
	for _, c := range clients.Table() {
		names = append(names, c.Name)
	}
	c := &cobra.Command{
		Use: "init", Short: "Write a first configuration, or import a client's servers", Args: cobra.NoArgs,
		Long: `Write a first configuration to the path of --config. With --from it takes over the servers
of a client (` + strings.Join(names, ", ") + `),
of every client that is found (all), or of one file.

Values of variables and headers are never copied. Each becomes a secret that is read from a
variable; init says which have to be set where Doorward is started. Nothing of what is
imported is started, and what is dangerous about a command is said.`,
		Example: `  doorward init
  doorward init --from cursor
  doorward init --from all --format json
  doorward init --from ~/.config/Claude/claude_desktop_config.json --config ~/doorward.yaml`,
		RunE: func(*cobra.Command, []string) error { return failed(r.init(from, force)) },
	}
	c.Flags().StringVar(&from, "from", "", "a client, all, or a client's configuration file to import servers from")
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return c
}

// place is the machine as the clients' files depend on it.
func (r *run) place() (clients.Env, error) {
	project, err := os.Getwd()
	if err == nil {
		project, err = filepath.EvalSymlinks(project) // as Claude Code names its projects
	}
	if err != nil {
		return clients.Env{}, fmt.Errorf("finding the project's directory: %w", err)
	}
	home := r.Getenv("HOME")
	if runtime.GOOS == "windows" {
		home = cmp.Or(r.Getenv("USERPROFILE"), home)
	}
	if home == "" {
		return clients.Env{}, errors.New("HOME is not set: the clients' files are below it")
	}
	return clients.Env{GOOS: runtime.GOOS, Home: home, ConfigHome: r.Getenv("XDG_CONFIG_HOME"), AppData: r.Getenv("APPDATA"), Project: project}, nil
}

func (r *run) importFrom(from string) (*clients.Import, error) {
	if from == "" {
		return &clients.Import{}, nil
	}
	env, err := r.place()
	if err != nil {
		return nil, err
	}
	if from == "all" {
		return clients.FromAll(env)
	}
	c, notFound := clients.Find(from)
	if notFound == nil {
		return clients.FromClient(env, c)
	}
	im, err := clients.FromFile(env, from)
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(from, `/\.`) {
		return nil, fmt.Errorf("--from %s: %w, nor is it a file", from, notFound)
	}
	return im, err
}

func (r *run) init(from string, force bool) error {
	im, err := r.importFrom(from)
	if err != nil {
		return err
	}
	text := config.First(im.Upstreams, im.Secrets)
	if _, err := config.Parse(r.config, text); err != nil {
		return fmt.Errorf("the imported servers make no valid configuration: %w", err)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(r.config, flags, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: --force replaces it", r.config)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	out := initJSON{Config: r.config, Servers: im.Servers, Set: []string{}, Notes: im.Notes}
	for _, s := range im.Servers {
		out.Set = append(out.Set, s.Variables...)
	}
	slices.Sort(out.Set)
	out.Set = slices.Compact(out.Set)
	if out.Servers == nil {
		out.Servers = []clients.Server{}
	}
	return r.put(out, func(io.Writer) error { r.tellInit(out); return nil })
}

// initJSON is what init did, for machines.
type initJSON struct {
	Config  string           `json:"config"`
	Servers []clients.Server `json:"servers"`
	Set     []string         `json:"set"` // variables to set where Doorward is started
	Notes   []string         `json:"notes,omitempty"`
}

// tellInit is what init did, for people.
func (r *run) tellInit(out initJSON) {
	for _, s := range out.Servers {
		if s.LeftOut != "" {
			r.say("%s: left out: %s", visible(s.Original), visible(s.LeftOut))
			continue
		}
		r.say("%s: imported as %s", visible(s.Original), s.Name)
		if len(s.Dangers) > 0 {
			r.say("  ! look at this before you start it: %s", visible(clients.CommandLine(s.Command)))
		}
		for _, w := range slices.Concat(s.Dangers, s.Warnings) {
			r.say("  ! %s", visible(w))
		}
		if len(s.Variables) > 0 {
			r.say("  needs %s", strings.Join(s.Variables, ", "))
		}
	}
	for _, n := range out.Notes {
		r.say("! left out: %s", visible(n))
	}
	if len(out.Set) > 0 {
		r.say("set these where Doorward is started, for their values were not copied: %s", strings.Join(out.Set, ", "))
	}
	r.say("wrote %s; next: doorward serve", visible(out.Config))
}
