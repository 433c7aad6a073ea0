package secrets

// carriers are forms that carry a credential of any owner.
//
//nolint:gochecknoglobals // a table; read-only
var carriers = []format{
	{rule: "jwt", starts: "eyJ ewo ewogI", rest: `[A-Za-z0-9_/+-]{14,}\.(?:ey|ew|e3|W|In|bn|[A-Za-z0-9_/+-]{8})[A-Za-z0-9_/+-]{8,}\.(?:[A-Za-z0-9_/+-]{10,}={0,2})(?:\.[A-Za-z0-9_-]{8,}){0,2}`},
	{rule: "jwt", starts: "eyJ", rest: `[A-Za-z0-9_/+-]{14,}\.(?:ey|ew)[A-Za-z0-9_/+-]{16,}\.`},
	{rule: "jwt_base64", starts: "ZXlK", rest: `[A-Za-z0-9_/+-]{60,}={0,2}`},
	{rule: "url_password", starts: "://", rest: `[^\s:/@"'<>\\]{0,64}:([^\s/@"'<>{}\\]{3,128})@[A-Za-z0-9\[]`, weak: true, low: true},
	{rule: "basic_credentials", starts: "Basic", rest: `\s+([A-Za-z0-9+/]{12,}={0,2})`, anyCase: true, weak: true},
	{rule: "bearer_token", starts: "Bearer", rest: `\s+([A-Za-z0-9_.~+/-]{16,}={0,2})`, anyCase: true, weak: true},
	{rule: "curl_password", starts: "curl", rest: `\s[^\n]{0,300}?(?:\s-u|\s--user|\s-\w*u)[ =]?\s*["']?[^\s:"']{0,60}:([^\s"'\\]{3,128})`, weak: true, low: true},
	{rule: "connection_password", starts: "Password= Pwd=", rest: `["']?([^\s;"'&<>{}]{6,128})["']?;`, anyCase: true, weak: true, low: true},
	{rule: "netrc_password", starts: "machine", rest: `\s+\S+\s+login\s+\S+\s+password\s+(\S{6,})`, weak: true, low: true},
	{rule: "shadow_hash", starts: "$6$ $5$ $y$ $2b$ $2a$ $2y$", rest: `(?:rounds=\d+\$)?[./A-Za-z0-9$]{40,120}`, weak: true},
	{rule: "argon2_hash", starts: "$argon2id$ $argon2i$ $argon2d$", rest: `v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}`, weak: true},
	{rule: "putty_key", starts: "PuTTY-User-Key-File-", rest: `[23]: [\s\S]*?Private-Lines: \d+\s+([A-Za-z0-9+/=\s]{40,})`},
	{rule: "ssh_private_key", starts: "b3BlbnNzaC1rZXktdjE", rest: `[A-Za-z0-9+/]{60,}={0,2}`},
}
