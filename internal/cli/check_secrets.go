package cli

import (
	"strings"

	"doorward/internal/app"
	"doorward/internal/checklist"
	"doorward/internal/config"
)

// lookAtSecrets tells the checklist of every secret whether it can be had and used. What is not
// asked for is said, too.
func (r *run) lookAtSecrets(st *checklist.State, cfg *config.Config, offline, online bool) error {
	checked, err := app.CheckSecrets(app.SecretCheck{
		Config: cfg, Environment: r.Environ, Skip: func(s config.Secret) string { return unaskedSecret(cfg, s, offline, online) },
	})
	if err != nil {
		return err
	}
	for i := range checked {
		one := st.Secrets[checked[i].Name]
		one.Unasked, one.Fault = checked[i].Unasked, checked[i].Fault
		st.Secrets[checked[i].Name] = one
	}
	return nil
}

// unaskedSecret says why a secret is not read where it is; empty: it is.
func unaskedSecret(cfg *config.Config, s config.Secret, offline, online bool) string {
	far := strings.HasPrefix(cfg.SecretStore.Root, "transit:")
	switch {
	case strings.HasPrefix(s.From, "vault:") && !online, s.From == "store" && far && !online:
		return "Vault is asked with --online"
	case s.From == "store" && offline:
		return "the data directory was left alone (--offline)"
	}
	return ""
}
