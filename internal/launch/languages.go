package launch

// languages are the interpreters that people start servers with, from their manuals:
// python(1), nodejs.org/api/cli.html, deno run --help, bun --help, ruby(1), perlrun(1),
// php(1), lua(1), java(1), dotnet --help, bash(1), zsh(1), tcsh(1), fish(1), about_pwsh, Rscript(1).
//
//nolint:gochecknoglobals // a table; read-only
var languages = []language{
	{
		names: []string{"python", "pythonw", "pypy", "ipython", "micropython"}, letters: true, modules: true,
		code: []string{"-c"}, module: []string{"-m"}, takes: []string{"-W", "-X", "--check-hash-based-pycs"},
		plain: []string{"-b", "-B", "-d", "-E", "-i", "-I", "-O", "-P", "-q", "-s", "-S", "-u", "-v", "-x", "-3", "-R", "-t"},
	},
	{
		names: []string{"node", "nodejs", "tsx", "ts-node", "bun"}, run: []string{"run", "watch"}, packages: true,
		code: []string{"-e", "--eval", "-p", "--print", "-pe"},
		file: []string{
			"-r", "--require", "--import", "--preload", "--loader", "--experimental-loader", "--env-file", "--env-file-if-exists", "--experimental-config-file", "--openssl-config",
			"--snapshot-blob", "--tsconfig", "-P", "--project", "-c", "--config",
		},
		dir: []string{"--cwd"},
		takes: []string{
			"-C", "--conditions", "--title", "--input-type", "--disable-warning", "--unhandled-rejections", "--dns-result-order", "--icu-data-dir", "--redirect-warnings", "--stack-trace-limit",
			"--max-old-space-size", "--max-http-header-size", "--experimental-default-type", "--allow-fs-read", "--allow-fs-write", "-O", "--compilerOptions", "--inspect-port",
			"--watch-path", "--trace-event-categories", "--trace-event-file-pattern", "--report-dir", "--report-directory", "--report-filename", "--report-signal", "--inspect-publish-uid",
		},
		plain: []string{
			"--no-*", "--inspect*", "--trace-*", "--harmony*", "--enable-*", "--expose*", "--use-*", "--preserve-*", "--experimental-*", "--abort-*", "--pending-*", "--throw-*", "--report-*",
			"--frozen-*", "--allow-*", "--permission*", "--watch*", "--hot", "--smol", "--silent", "--bun", "-b", "--transpile-only", "-T", "--esm", "--swc", "--files", "-i",
		},
	},
	{
		names: []string{"deno"}, run: []string{"run", "serve"}, packages: true,
		code: []string{"eval"}, file: []string{"--preload", "--require", "--import", "--config", "-c", "--import-map", "--lock", "--env-file"},
		takes: []string{"--cert", "--location", "--seed", "--v8-flags", "--log-level", "-L", "--ext", "--port", "--host"},
		plain: []string{"-A", "--allow-*", "--deny-*", "--no-*", "--unstable*", "-q", "--quiet", "-r", "--reload", "--cached-only", "--check", "--node-modules-dir", "--watch*", "--inspect*", "-R", "-W", "-N", "-E", "-S", "-I"},
	},
	{
		names: []string{"ruby", "jruby"}, letters: true, suffix: ".rb",
		code: []string{"-e"}, file: []string{"-r", "--require"}, dir: []string{"-C", "-X"}, takes: []string{"-I", "-E", "--encoding", "--external-encoding", "--internal-encoding"},
		plain: []string{"-a", "-d", "-l", "-n", "-p", "-s", "-S", "-u", "-U", "-v", "-w", "--jit*", "--yjit*", "--enable*", "--disable*", "--debug", "--verbose"},
	},
	{
		names: []string{"perl"}, letters: true,
		code: []string{"-e", "-E"}, takes: []string{"-I", "-M", "-m"},
		plain: []string{"-a", "-c", "-f", "-l", "-n", "-p", "-s", "-S", "-t", "-T", "-u", "-U", "-v", "-w", "-W", "-X", "-0", "-1", "-2", "-3", "-4", "-5", "-6", "-7"},
	},
	{
		names: []string{"php", "php-cgi"}, glue: "-d",
		code: []string{"-r", "--run", "-B", "--process-begin", "-R", "--process-code", "-E", "--process-end"}, script: []string{"-f", "--file", "-F", "--process-file"},
		file:  []string{"-c", "--php-ini", "-z", "--zend-extension", "-dauto_prepend_file", "-dauto_append_file", "-dextension", "-dzend_extension"},
		takes: []string{"-S", "--server", "-t", "--docroot"}, plain: []string{"-n", "--no-php-ini", "-q", "-C", "-e", "-H", "-d*"},
	},
	{
		names: []string{"lua", "luajit"}, suffix: ".lua", continues: true,
		code: []string{"-e"}, file: []string{"-l"}, takes: []string{"-b"}, plain: []string{"-i", "-v", "-E", "-W", "-j*", "-O*"},
	},
	{
		names: []string{"java", "javaw"}, colon: true, lists: true, code: []string{"-XX:OnError", "-XX:OnOutOfMemoryError"},
		module: []string{"-m", "--module"}, script: []string{"-jar"},
		file:  []string{"-cp", "-classpath", "--class-path", "-p", "--module-path", "-javaagent", "-agentpath", "--upgrade-module-path", "-Xbootclasspath/a", "-Xbootclasspath"},
		takes: []string{"--add-modules", "--add-exports", "--add-opens", "--add-reads", "--enable-native-access", "--source", "--limit-modules"},
		plain: []string{"-D*", "-X*", "-ea*", "-esa", "-da*", "-dsa", "-server", "-client", "--enable-preview", "-verbose*", "-agentlib*", "-showversion", "--show-version"},
	},
	{
		names: []string{"dotnet"}, run: []string{"exec"},
		file:  []string{"--depsfile", "--runtimeconfig"},
		takes: []string{"--additionalprobingpath", "--additional-deps", "--fx-version", "--roll-forward"}, plain: []string{"-d", "--diagnostics"},
	},
	{
		names: []string{"sh", "bash", "zsh", "dash", "ksh", "ash"}, letters: true,
		code: []string{"-c", "--command", "-s"}, file: []string{"--rcfile", "--init-file"}, takes: []string{"-o", "-O", "+o", "+O"},
		plain: []string{
			"-a", "-b", "-e", "-f", "-h", "-i", "-k", "-l", "-m", "-n", "-p", "-r", "-t", "-u", "-v", "-x", "-B", "-C", "-E", "-H", "-N", "-P", "-T", "--login", "--no*", "--posix", "--restricted", "--verbose",
			"+a", "+b", "+e", "+f", "+h", "+k", "+m", "+n", "+p", "+r", "+t", "+u", "+v", "+x", "+B", "+C", "+E", "+H", "+P", "+T",
		},
	},
	{
		names: []string{"csh", "tcsh"}, letters: true,
		code:  []string{"-c", "-s", "-t"}, // -t reads one line of standard input
		plain: []string{"-d", "-e", "-f", "-F", "-i", "-l", "-m", "-n", "-q", "-v", "-V", "-x", "-X"},
	},
	{
		names: []string{"fish"}, letters: true,
		code: []string{"-c", "--command", "-C", "--init-command"}, takes: []string{"-d", "--debug", "-o", "--debug-output", "-f", "--features", "--profile", "--profile-startup"},
		plain: []string{"-i", "--interactive", "-l", "--login", "-n", "--no-*", "-N", "-P", "--private"},
	},
	{
		names: []string{"pwsh", "powershell"}, fold: true,
		code: []string{"-c", "-command", "-commandwithargs", "-cwa", "-e", "-ec", "-enc", "-encodedcommand"}, script: []string{"-f", "-file"},
		dir:   []string{"-workingdirectory", "-wd", "-wo"},
		takes: []string{"-executionpolicy", "-ex", "-ep", "-windowstyle", "-w", "-inputformat", "-in", "-outputformat", "-o", "-version", "-v", "-custompipename", "-configurationname", "-config"},
		file:  []string{"-settingsfile", "-settings", "-configurationfile"}, plain: []string{"-noprofile", "-nop", "-nologo", "-nol", "-noninteractive", "-noni", "-noexit", "-noe", "-login", "-l", "-mta", "-sta"},
	},
	{
		names: []string{"rscript"},
		code:  []string{"-e"}, plain: []string{"--vanilla", "--no-*", "--slave", "--verbose", "--quiet", "--default-packages*", "--arch*"},
	},
}
