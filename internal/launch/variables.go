package launch

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ChangesCode knows the variables that change which code a program runs: those of the
// loaders (ld.so(8), dyld(1)), of the interpreters, and the search path. Case does not
// count: on Windows the names have none.
func ChangesCode(variable string) bool {
	variable = strings.ToUpper(variable)
	switch variable {
	case "PATH", "PATHEXT", "COMSPEC", "BASH_ENV", "PROMPT_COMMAND", "GCONV_PATH",
		"NODE_OPTIONS", "NODE_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PERL5OPT", "PERL5LIB", "PERL5DB",
		"RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "DOTNET_STARTUP_HOOKS",
		"GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXEC_PATH", "GIT_ASKPASS", "SSH_ASKPASS", "EDITOR", "VISUAL", "PAGER", "SHELL", "ENV", "OPENSSL_CONF",
		"UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL":
		return true
	}
	return strings.HasPrefix(variable, "LD_") || strings.HasPrefix(variable, "DYLD_") || strings.HasPrefix(variable, "NPM_CONFIG_")
}

// alsoSteers are variables beside those that no server needs: what bash(1) and sh(1) run or
// split words by, what Git runs, hooks and profilers of interpreters, the tuning of the C
// library, and where a program sends what it sends.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var alsoSteers = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(PS4|IFS|CDPATH|SHELLOPTS|BASHOPTS|BASH_FUNC_.*|GIT_(EDITOR|PAGER|SEQUENCE_EDITOR|PROXY_COMMAND|EXTERNAL_DIFF|TEMPLATE_DIR|CONFIG.*)` +
		`|PYTHON(INSPECT|BREAKPOINT|USERBASE|PLATLIBDIR|EXECUTABLE|WARNINGS)|PERL(LIB|_HASH_SEED_DEBUG)|PERL5SHELL|NODE_(REPL_EXTERNAL_MODULE|V8_COVERAGE|CHANNEL_FD)|DENO_(DIR|AUTH_TOKENS)|BUN_OPTIONS|BUN_INSPECT.*|LUA_(INIT|PATH|CPATH).*|PHPRC|PHP_INI_SCAN_DIR` +
		`|COR(ECLR)?_(ENABLE_PROFILING|PROFILER.*)|DOTNET_(ADDITIONAL_DEPS|SHARED_STORE)|R_(HOME|PROFILE|ENVIRON).*|GLIBC_TUNABLES|MALLOC_.*|LOCPATH|NLSPATH|HOSTALIASES|RESOLV_HOST_CONF|TERMINFO|TERMCAP` +
		`|.*_PROXY|NODE_TLS_REJECT_UNAUTHORIZED|UV_(INDEX|EXTRA_INDEX_URL|FIND_LINKS|CONFIG_FILE|PYTHON.*)|PIP_.*|BROWSER|GOFLAGS|ERL_.*FLAGS|OPENSSL_(MODULES|ENGINES)|RUSTC_(WORKSPACE_)?WRAPPER|RUSTFLAGS|DOCKER_(HOST|CONTEXT)|CONTAINER_HOST|JULIA_(LOAD|DEPOT)_PATH|VIMINIT|EXINIT|MAKEFLAGS|LESSOPEN|LESSCLOSE)$`)
})

// Environment judges the names of the variables that a command is given.
func Environment(names []string) []Breach {
	var all []Breach
	for _, name := range slices.Sorted(slices.Values(names)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00\n\r"):
			all = append(all, Breach{Bounds, "no process can have a variable of the name " + strconv.Quote(name), "write letters, digits and underscores"})
		case ChangesCode(name), alsoSteers().MatchString(strings.ToUpper(name)):
			all = append(all, Breach{Variables, fmt.Sprintf("its variable %s changes which code is run, or where it connects", strconv.Quote(name)), "take it out, and give the server what it needs by its words"})
		}
	}
	return all
}
