package secrets

// messengers are credentials of chat, mail and telephony.
//
//nolint:gochecknoglobals // a table; read-only
var messengers = []format{
	{rule: "slack_bot_token", starts: "xoxb-", rest: `[0-9]{8,14}-[A-Za-z0-9-]{18,}`},
	{rule: "slack_user_token", starts: "xoxp- xoxe-", rest: `(?:[0-9]{10,13}-){1,3}[A-Za-z0-9-]{26,34}`},
	{rule: "slack_app_token", starts: "xapp-", rest: `\d-[A-Z0-9]+-\d+-[A-Za-z0-9]+`, anyCase: true},
	{rule: "slack_configuration_token", starts: "xoxe.xoxb- xoxe.xoxp-", rest: `\d-[A-Z0-9]{160,170}`, anyCase: true},
	{rule: "slack_refresh_token", starts: "xoxe-", rest: `\d-[A-Z0-9]{140,150}`, anyCase: true},
	{rule: "slack_legacy_token", starts: "xoxo- xoxs- xoxa- xoxr-", rest: `(?:\d+-){0,4}[A-Za-z0-9]{8,48}`},
	{rule: "slack_cookie", starts: "xoxd- xoxc-", rest: `[\w%+/=-]{40,}`},
	{rule: "slack_webhook", starts: "hooks.slack.com/", rest: `(?:services|workflows|triggers)/([A-Za-z0-9+/]{40,80})`},
	{rule: "teams_webhook", starts: "webhook.office.com/ outlook.office.com/", rest: `webhook(?:b2)?/(` + uuid + `@` + uuid + `/IncomingWebhook/[a-zA-Z0-9]{32}/` + uuid + `(?:/[\w-]+)?)`},
	{rule: "discord_webhook", starts: "discord.com/api/ discordapp.com/api/", rest: `(?:v\d+/)?webhooks/(\d{17,20}/[\w-]{60,72})`},
	{rule: "discord_bot_token", starts: "mfa.", rest: `[\w-]{84}`},
	{rule: "telegram_bot_token", starts: ":AA :AB :AC :AD :AE :AF :AG :AH :AI :AJ :AK :AL :AM :AN :AO :AP :AQ :AR :AS :AT :AU :AV :AW :AX :AY :AZ :A0 :A1 :A2 :A3 :A4 :A5 :A6 :A7 :A8 :A9 :A_ :A-", anyCase: true, before: `[0-9]{5,16}`, rest: `[\w-]{33}`},
	{rule: "twilio_key", starts: "SK0 SK1 SK2 SK3 SK4 SK5 SK6 SK7 SK8 SK9 SKa SKb SKc SKd SKe SKf SKA SKB SKC SKD SKE SKF", rest: `[0-9a-fA-F]{31}`},
	{rule: "sendgrid_key", starts: "SG.", rest: `[\w=.-]{66}`, anyCase: true},
	{rule: "brevo_key", starts: "xkeysib- xsmtpsib-", rest: `[a-f0-9]{64}-[A-Za-z0-9]{16}`},
	{rule: "mailchimp_key", starts: "-us1 -us2 -us3 -us4 -us5 -us6 -us7 -us8 -us9", before: `[a-f0-9]{32}`, rest: `\d?`},
	{rule: "mailgun_key", starts: "key- pubkey-", rest: `[a-f0-9]{32}`},
	{rule: "mandrill_key", starts: "md-", rest: `[A-Za-z0-9_-]{22}`, weak: true},
	{rule: "resend_key", starts: "re_", rest: `[A-Za-z0-9]{8}_[A-Za-z0-9]{20,28}`},
	{rule: "mailersend_token", starts: "mlsn.", rest: `[a-f0-9]{64}`},
	{rule: "facebook_token", starts: "EAAC EAAM EAAB EAAG EAAA", rest: `[A-Za-z0-9]{40,}`},
	{rule: "onesignal_key", starts: "os_v2_app_ os_v2_org_", rest: `[a-z0-9]{40,110}`},
	{rule: "twitter_bearer_token", starts: "AAAAAAAAAAAAAAAAAAAAAA", rest: `[A-Za-z0-9%]{80,100}`},
	{rule: "line_token", starts: "LINE_CHANNEL_SECRET=", rest: `["']?([a-f0-9]{32})`},
	{rule: "webex_token", starts: "webex_", rest: `[\w-]{64,}`},
	{rule: "vapid_key", starts: "fcm_", rest: `[\w-]{140,}`},
}
