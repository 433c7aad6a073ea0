package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
)

func (r *run) configCommand() *cobra.Command {
	return group("config", "Check, show or describe the configuration",
		`  doorward config check
  doorward config show
  doorward config schema > doorward.schema.json`,
		r.configCheck(), r.configShow(), r.configSchema())
}

// configFaults is what config check found, as JSON.
type configFaults struct {
	File     string         `json:"file"`
	Fine     bool           `json:"fine"`
	Faults   []config.Fault `json:"faults"`
	Warnings []string       `json:"warnings"`
	Weakened []config.Fault `json:"weakened"` // settings that ask for less than they would unless written
}

func (r *run) configCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Report every fault of the file at once", Args: cobra.MaximumNArgs(1),
		Long: `Report every fault of the file at once, with its line and column; exit 1 when there is one.
It warns of settings that are weaker than their defaults, such as a detector that only warns, a
limit or an alert that is off, or a command that is not confined: that is no fault. Numbers, as
rates, times and sizes, are not compared.
With --format json faults and warnings are on stdout, for editors and scripts.`,
		Example: `  doorward config check
  doorward config check --format json candidate.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				r.config = args[0]
			}
			c := configFaults{File: r.config, Faults: []config.Fault{}, Warnings: []string{}, Weakened: []config.Fault{}}
			cfg, err := r.load()
			if faults, ok := errors.AsType[config.Faults](err); ok {
				c.Faults = faults
			} else if err != nil {
				return err
			}
			if cfg != nil {
				c.Warnings = append(c.Warnings, cfg.Warnings()...)
				c.Weakened = append(c.Weakened, r.weakened(cfg)...)
				c.Faults = append(c.Faults, launchable(cfg, r.config)...)
			}
			c.Fine = len(c.Faults) == 0
			if err := r.put(&c, func(io.Writer) error { return r.sayFaults(&c) }); err != nil || c.Fine {
				return err
			}
			return &exit{code: exitFailed}
		},
	}
}

// sayFaults says it to people: faults where errors are read.
func (r *run) sayFaults(c *configFaults) error {
	for _, warning := range c.Warnings {
		r.say("warning: %s", warning)
	}
	for _, f := range c.Weakened {
		r.say("warning: %s: %s", c.File, f)
	}
	for _, f := range c.Faults {
		if _, err := fmt.Fprintf(r.errs(), "doorward: %s: %s\n", c.File, f); err != nil {
			return err
		}
	}
	if c.Fine {
		r.say("%s is fine", c.File)
	}
	return nil
}

// weakened are the settings of the file that are weaker than their defaults, with where it writes them as far as it
// can be read once more.
func (r *run) weakened(cfg *config.Config) []config.Fault {
	data, err := r.readBounded(r.config)
	if err != nil {
		data = nil
	}
	return config.Locate(data, cfg.Weakened())
}

// launchable is every command that would not be started, by where its program is here.
func launchable(cfg *config.Config, path string) (faults []config.Fault) {
	why := app.Unlaunchable(cfg, path)
	for _, name := range slices.Sorted(maps.Keys(why)) {
		at := name + ".command"
		if of, own, ok := strings.Cut(name, "/"); ok { // of a built-in server
			at = of + ".commands." + own
		}
		faults = append(faults, config.Fault{Path: "upstreams." + at, Text: why[name]})
	}
	return faults
}

func (r *run) configShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Print the configuration with every default filled in", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			text := config.Show(cfg)
			if r.format == "json" {
				if text, err = yaml.YAMLToJSON(text); err != nil {
					return failed(err)
				}
			}
			_, err = r.Stdout.Write(text)
			return err
		},
	}
}

func (r *run) configSchema() *cobra.Command {
	var reference bool
	c := &cobra.Command{
		Use: "schema", Short: "Print the file's JSON Schema, for editors", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text := config.Schema()
			if reference {
				text = config.Reference()
			}
			_, err := fmt.Fprintln(r.Stdout, strings.TrimSpace(string(text)))
			return err
		},
	}
	c.Flags().BoolVar(&reference, "reference", false, "print the reference page (Markdown) instead")
	return c
}
