package checklist

import (
	"strings"

	"doorward/internal/config"
)

func secretChecks() []check {
	const page = "docs/how-to/check-before-production.md"
	return []check{
		{Entry{
			"secrets.files", "Files with secrets are there, and Doorward's user alone reads them",
			"chmod 600 the file, and chown it to the user that Doorward runs as", page,
		}, (*subject).secretFiles},
		{Entry{
			"secrets.usable", "Every secret can be had, is of its type, and is no example or one that could be guessed",
			"put it where its from says, or have a real one made; doorward check --online asks Vault, too", page,
		}, (*subject).usable},
		{Entry{
			"secrets.environment", "No secret is in the environment",
			"keep it in a file (from: file:PATH): a variable is seen by whoever may look at the process, and changes at a restart alone", page,
		}, (*subject).environment},
		{Entry{
			"secrets.max_age", "Every secret has an age at which it is replaced",
			"set secrets.NAME.max_age, such as 90d", page,
		}, (*subject).maxAge},
		{Entry{
			"secrets.overdue", "No secret is older than it may be",
			"have it issued anew, and write the new one into its file", page,
		}, (*subject).overdue},
	}
}

// secrets hands over every secret with its path. kind is where: "file", "env", or
// empty for all.
func (s *subject) secrets(a *answer, kind string, do func(path, name string, c config.Secret)) {
	n := 0
	for name, c := range ordered(s.cfg.Secrets) {
		if kind == "" || strings.HasPrefix(c.From, kind+":") {
			n++
			do("secrets."+name, name, c)
		}
	}
	if n == 0 {
		a.none("secrets", "there is none of this kind")
	}
	a.otherwise("", "secrets: %d", n)
}

func (s *subject) secretFiles(a *answer) {
	s.secrets(a, "file", func(path, name string, _ config.Secret) {
		switch got, ok := s.state.Secrets[name]; {
		case !ok:
			a.warn(path, "%s was not looked at", name)
		case got.Fault != "":
			a.fail(path, "%s", got.Fault)
		}
	})
}

func (s *subject) usable(a *answer) {
	s.secrets(a, "", func(path, name string, c config.Secret) {
		place, _, _ := strings.Cut(c.From, ":")
		switch got, ok := s.state.Secrets[name]; {
		case !ok:
			a.warn(path, "%s was not looked at", name)
		case got.Fault != "":
			a.fail(path, "%s: %s", place, got.Fault)
		case got.Unasked != "":
			a.warn(path, "%s: %s was not looked at: %s", place, name, got.Unasked)
		}
	})
}

func (s *subject) environment(a *answer) {
	if len(s.cfg.Secrets) == 0 {
		a.none("secrets", "there is no secret")
		return
	}
	s.secrets(a, "", func(path, name string, c config.Secret) {
		if strings.HasPrefix(c.From, "env:") {
			a.warn(path+".from", "%s is in the environment", name)
		}
	})
}

func (s *subject) maxAge(a *answer) {
	s.secrets(a, "file", func(path, name string, c config.Secret) {
		if c.MaxAge <= 0 {
			a.warn(path, "%s is never overdue: it has no max_age", name)
		}
	})
}

func (s *subject) overdue(a *answer) {
	s.secrets(a, "file", func(path, name string, c config.Secret) {
		if s.state.Secrets[name].Overdue {
			a.fail(path+".max_age", "the file of %s was last changed more than %s ago", name, c.MaxAge)
		}
	})
}
