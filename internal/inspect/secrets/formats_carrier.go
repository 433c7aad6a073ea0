package secrets

// carriers are forms that carry a credential of any owner.
//
//nolint:gochecknoglobals // a table; read-only
var carriers = []format{
	{rule: "jwt", starts: "eyJ ewo ewog", rest: `[A-Za-z0-9_/+-]{10,}\.[A-Za-z0-9_/+-]*\.[A-Za-z0-9_/+-]*={0,2}(?:\.[A-Za-z0-9_-]+){0,2}`, vouch: webToken},
	{rule: "jwt_base64", starts: "ZXlK", rest: `[A-Za-z0-9_/+-]{60,}={0,2}`},
	{rule: "connection_string", starts: "://", rest: `[^\s:/@"'<>\\]{0,64}:([^\s/@"'<>{}\\]{3,128})@[A-Za-z0-9\[]`, weak: true, low: true, phrase: true, vouch: chosen, must: "@"},
	{rule: "basic_credentials", starts: "Basic", rest: `\s+([A-Za-z0-9+/]{12,}={0,2})`, anyCase: true, weak: true, vouch: pair},
	{rule: "bearer_token", starts: "Bearer", rest: `\s+([A-Za-z0-9_.~+/-]{16,}={0,2})`, anyCase: true, weak: true},
	{rule: "curl_password", starts: "curl", rest: `\s[\s\S]{0,400}?(?:\s-u|\s--user|\s-\w*u)[ =]?\s*["']?[^\s:"']{0,60}:([^\s"'\\]{3,128})`, weak: true, low: true, phrase: true, must: ":"},
	{rule: "connection_string", starts: "Password= Pwd=", rest: `["']?([^\s;"'&<>{}]{6,128})["']?;`, anyCase: true, weak: true, low: true, phrase: true},
	{rule: "netrc_password", starts: "machine", rest: `\s+\S+\s+login\s+\S+\s+password\s+(\S{6,})`, weak: true, low: true, phrase: true},
	{rule: "shadow_hash", starts: "$6$ $5$ $y$ $2b$ $2a$ $2y$", rest: `(?:rounds=\d+\$)?[./A-Za-z0-9$]{40,120}`, weak: true},
	{rule: "argon2_hash", starts: "$argon2id$ $argon2i$ $argon2d$", rest: `v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}`, weak: true},
	{rule: "putty_key", starts: "Private-Lines:", rest: `\s*\d+\s+([A-Za-z0-9+/=\s]{40,})`},
	{rule: "ssh_private_key", starts: "b3BlbnNzaC1rZXktdjE", rest: `[A-Za-z0-9+/]{60,}={0,2}`},
}
