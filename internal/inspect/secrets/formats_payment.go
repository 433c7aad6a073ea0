package secrets

// payments are credentials of payment, trade and shop systems.
//
//nolint:gochecknoglobals // a table; read-only
var payments = []format{
	{rule: "stripe_key", starts: "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", rest: `[A-Za-z0-9]{10,247}`},
	{rule: "stripe_webhook_secret", starts: "whsec_", rest: `[A-Za-z0-9+/]{32,}={0,2}`},
	{rule: "shopify_token", starts: "shpat_ shpca_ shppa_ shpss_ shpit_", rest: `[a-fA-F0-9]{32}`},
	{rule: "square_token", starts: "sq0atp- sq0csp- sq0csb- sq0idp-", rest: `[\w-]{22,60}`},
	{rule: "square_token", starts: "EAAA", rest: `[\w+=-]{22,60}`},
	{rule: "flutterwave_key", starts: "FLWSECK_TEST- FLWSECK-", rest: `[A-Za-h0-9]{12,32}(?:-X)?`, anyCase: true},
	{rule: "flutterwave_key", starts: "FLWPUBK_TEST- FLWPUBK-", rest: `[A-Za-h0-9]{32}-X`, anyCase: true},
	{rule: "flutterwave_key", starts: "FLWSECK_TEST", rest: `[A-Za-h0-9]{12}`},
	{rule: "razorpay_key", starts: "rzp_live_ rzp_test_", rest: `[A-Za-z0-9]{14}`},
	{rule: "paypal_token", starts: "access_token$production$ access_token$sandbox$", rest: `[a-z0-9]{16}\$[a-f0-9]{32}`},
	{rule: "paystack_key", starts: "sk_live_ sk_test_", rest: `[a-f0-9]{40}`},
	{rule: "plaid_token", starts: "access-sandbox- access-development- access-production-", rest: uuid},
	{rule: "gocardless_token", starts: "live_ sandbox_", rest: `[\w=-]{40}`},
	{rule: "adyen_key", starts: "AQE", rest: `[a-z][a-z0-9]{2}[A-Za-z0-9+/=-]{60,}`},
	{rule: "checkout_key", starts: "sk_sbox_ sk_", rest: `[a-z0-9]{26,29}[*#$=a-z0-9]?`, weak: true},
	{rule: "mollie_key", starts: "live_ test_", rest: `[A-Za-z0-9]{30}`},
	{rule: "mercadopago_token", starts: "APP_USR-", rest: `\d{12,20}-\d{6}-[a-f0-9]{32}(?:-\d+)?`},
	{rule: "lemonsqueezy_key", starts: "lmnsq_", rest: `[A-Za-z0-9]{30,}`},
	{rule: "paddle_key", starts: "pdl_live_apikey_ pdl_sdbx_apikey_", rest: `[a-z\d]{26}_[a-zA-Z\d]{22}_[a-zA-Z\d]{3}`},
	{rule: "wise_token", starts: "wise_", rest: `[A-Za-z0-9-]{32,}`},
	{rule: "coinbase_key", starts: "organizations/", rest: uuid + `/apiKeys/` + uuid},
	{rule: "freemius_key", starts: "sk_", rest: `[^\s"'<>&]{29}`, weak: true},
	{rule: "alchemy_token", starts: "alcht_", rest: `[A-Za-z0-9]{30}`},
	{rule: "extended_private_key", starts: "xprv yprv zprv tprv", rest: `[1-9A-HJ-NP-Za-km-z]{107,108}`},
	{rule: "clerk_key", starts: "ak_live_", rest: `[A-Za-z0-9]{32,}`},
}
