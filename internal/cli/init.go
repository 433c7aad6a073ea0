package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"doorward/internal/config"
)

func (r *run) initCommand() *cobra.Command {
	var from string
	var force bool
	c := &cobra.Command{
		Use: "init", Short: "Write a first configuration, or import a client's servers", Args: cobra.NoArgs,
		Long: `Write a first configuration to the path of --config. With --from it takes over the servers
of a client's own file: Claude Desktop, Claude Code, Cursor or VS Code. Values of
environment variables and headers are never copied; init says which were left behind.`,
		Example: `  doorward init
  doorward init --from ~/.cursor/mcp.json
  doorward init --from ~/.config/Claude/claude_desktop_config.json --config ~/doorward.yaml`,
		RunE: func(*cobra.Command, []string) error { return failed(r.init(from, force)) },
	}
	c.Flags().StringVar(&from, "from", "", "a client's configuration file to import servers from")
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return c
}

func (r *run) init(from string, force bool) error {
	var servers []config.Server
	if from != "" {
		imported, err := config.Import(from)
		if err != nil {
			return err
		}
		for _, s := range imported {
			if len(s.Command) == 0 && s.URL == "" {
				r.say("%s: left out: it has neither command nor url", visible(s.Original))
				continue
			}
			servers = append(servers, s.Server)
			r.say("%s: imported as %s", visible(s.Original), s.Name)
			for _, w := range s.Warnings {
				r.say("  ! %s", visible(w))
			}
		}
	}
	text := config.First(servers)
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
	r.say("wrote %s; next: doorward serve", r.config)
	return nil
}
