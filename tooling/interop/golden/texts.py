"""Texts whose tokens are counted, and the pieces that histories are made of."""

import unicodedata
from random import Random

PROSE = {
    "english": [
        "The quick brown fox jumps over the lazy dog.",
        "Could you book a table for 2 at 7:30 pm on Friday, please?",
        "It's what we'd expected: they've sold 1,234,567 units (+3.5%) since January.",
        "I don't think she'll mind; you're early anyway.",
        "Summarise the attached report in three bullet points.",
        "Antidisestablishmentarianism isn't a word I'd use every day...",
        "Call me at +1 (555) 010-9999 or write to jane.doe@example.com!",
    ],
    "german": ["Grüß Gott, die Übergrößenträger müssen draußen bleiben.", "Straßenbahnhaltestellen-Überdachung"],
    "french": ["L'été dernier, j'ai mangé des crêpes à l'œuf chez Noël.", "Où est-ce qu'on va ?\u00a0Là-bas\u202f!"],
    "polish": ["Zażółć gęślą jaźń, proszę.", "Wszczęcie postępowania"],
    "turkish": ["İstanbul'da ılık bir gün; ISPARTA'nın gülleri."],
    "vietnamese": ["Xin chào, tôi muốn đặt một bàn cho hai người tối nay."],
    "russian": ["Съешь же ещё этих мягких французских булок.", "Что насчёт завтра в 15:00?"],
    "greek": ["Ξεσκεπάζω την ψυχοφθόρα βδελυγμία."],
    "chinese": ["你好，请帮我预订明天下午三点的会议室。", "人工智能正在改变世界。", "我喜歡吃餃子、麵條和豆腐"],
    "japanese": ["こんにちは、今日の天気はどうですか？", "カタカナとﾊﾝｶｸと漢字が混ざった文章です。"],
    "korean": ["안녕하세요, 오늘 날씨가 어때요?", "대한민국 헌법 제1조"],
    "thai": ["สวัสดีครับ วันนี้อากาศเป็นอย่างไรบ้าง", "กรุงเทพมหานคร"],
    "arabic": ["مرحبا، كيف حالك اليوم؟", "السَّلامُ عَلَيْكُم ١٢٣٤٥"],
    "hebrew": ["שלום עולם, מה שלומך?", "\u200fימין\u200e left"],
    "hindi": ["नमस्ते, आप कैसे हैं?", "क्षत्रिय ज्ञान १२३"],
    "tamil": ["வணக்கம் உலகம்"],
    "emoji": ["👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇩🇪🇯🇵", "😀😃😄 ok ✅ ❤️ ☃ 1️⃣"],
    "zalgo": ["Z̷̡̛a̶͜l̸g̵͝o̷ e\u0301 vs é"],
}

CODE = [
    "def add(a, b):\n    return a + b\n",
    "function add(a, b) {\n\treturn a + b;\n}\n\n\nexport default add;",
    'import { readFile } from "node:fs/promises";\n\nconst text = await readFile(path, "utf8");',
    "SELECT id, name FROM users WHERE created_at >= '2024-01-01' ORDER BY id DESC LIMIT 10;",
    "for (let i = 0; i < 10; i++) {\n        if (i % 2 === 0) continue;\n        console.log(`${i}`);\n}",
    "#include <stdio.h>\r\nint main(void) {\r\n    printf(\"hi\\n\");\r\n}\r\n",
    "<div class=\"a b\">\n  <p>Hello&nbsp;<b>world</b></p>\n</div>\n",
    "git commit -m 'fix: don''t' && git push --force-with-lease origin HEAD~1",
    "a_b__c___d____e camelCaseWord XMLHttpRequest SCREAMING_CASE kebab-case-word x86_64",
    "!=== !== => -> <- ||= ??= ?. ... // /* */ --- +++ ### $$$ @@@ ^^^ ~~~ \\\\\\ |||",
]

JSONS = [
    '{"name":"search","arguments":{"query":"weather in Zürich","limit":10}}',
    '{\n  "id": 1,\n  "tags": ["a", "b"],\n  "nested": {"x": null, "y": [1.5, -2e10, true]}\n}',
    '[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hi"}]',
    '{"escaped": "line\\nbreak \\u00e9 \\"quoted\\""}',
]

MARKDOWN = [
    "# Title\n\nSome *emphasis* and **strong** text.\n\n- one\n- two\n  - nested\n\n1. first\n2. second\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n```js\nlet x = 1;\n```\n",
    "[link](https://example.com/path?a=1&b=%20#frag) ![img](a.png)\n\n---\n\n***\n",
    "See https://en.wikipedia.org/wiki/Byte-pair_encoding, footnote[^1].\n\n[^1]: Here.",
]

SPECIAL_TOKENS = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>"]
# Special in other vocabularies, plain text in cl100k_base.
FOREIGN_TOKENS = ["<|im_start|>", "<|im_end|>", "<|im_sep|>", "<s>", "[INST]", "<|start|>"]
BROKEN_TOKENS = ["<|endoftext|", "|endoftext|>", "<|ENDOFTEXT|>", "<| endoftext |>", "<<|endoftext|>>", "<|endof", "text|>"]

# Whitespace of every kind: Unicode's White_Space and JavaScript's \s disagree on U+0085 and U+FEFF.
SPACES = {
    "space": " ",
    "tab": "\t",
    "newline": "\n",
    "carriage return": "\r",
    "crlf": "\r\n",
    "vertical tab": "\v",
    "form feed": "\f",
    "file separator": "\x1c",
    "nel": "\x85",
    "nbsp": "\xa0",
    "ogham space": "\u1680",
    "mongolian separator": "\u180e",
    "en quad": "\u2000",
    "thin space": "\u2009",
    "zero width space": "\u200b",
    "zero width non-joiner": "\u200c",
    "zero width joiner": "\u200d",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "narrow nbsp": "\u202f",
    "math space": "\u205f",
    "word joiner": "\u2060",
    "ideographic space": "\u3000",
    "bom": "\ufeff",
    "null": "\0",
    "soft hyphen": "\xad",
    "replacement": "\ufffd",
    "noncharacter": "\uffff",
    "private use": "\ue000",
    "astral private use": "\U000f0000",
    "variation selector": "\ufe0f",
    "combining acute": "\u0301",
}

CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'lL", "'D"]
# U+017F is an s for a case-insensitive pattern; the curly apostrophe is no apostrophe.
ODD_CONTRACTIONS = ["'\u017f", "\u2019s", "'x", "'re'", "''s", "'se", "'sx", "' s", "'\u212a", "'LLama", "'\ufb06"]

DIGITS = ["1", "12", "123", "1234", "12345", "1234567", "1.5", "٣", "١٢٣٤", "१२३", "½", "Ⅷ", "²", "①", "𝟙𝟚", "1e10", "0x1F", "1,000"]

PUNCTUATION_ENDS = ["Hello!\n", "end.\n\n", "...\n", ")}\n", "!!!\r\n", "?\n\n\n", ";\r", "。\n", "-\n \n", ":\n\t", "” \n", ".\x85", ".\u2028"]


def fragments():
    """Short texts with something odd at their edges, by name."""
    result = {}
    for name, char in SPACES.items():
        result[f"leading {name}"] = f"{char}word"
        result[f"trailing {name}"] = f"word{char}"
        result[f"double {name}"] = f"a{char}{char}b"
        result[f"only {name}"] = char
        result[f"three {name}"] = char * 3
    for text in CONTRACTIONS + ODD_CONTRACTIONS:
        result[f"contraction {text}"] = text
    for text in DIGITS:
        result[f"digits {text}"] = text
    for index, text in enumerate(PUNCTUATION_ENDS):
        result[f"punctuation end {index}"] = text
    for text in SPECIAL_TOKENS + FOREIGN_TOKENS + BROKEN_TOKENS:
        result[f"token {text}"] = text
    return result


def prose():
    return [text for texts in PROSE.values() for text in texts]


def sentence(random, low=1, high=4):
    language = random.choice([*PROSE["english"], *prose()])
    return " ".join([language, *(random.choice(prose()) for _ in range(random.randint(low, high) - 1))])


def words(random, count):
    vocabulary = " ".join(PROSE["english"]).split(" ")
    return " ".join(random.choice(vocabulary) for _ in range(count))


ALPHABETS = [
    (0x00, 0x7F),
    (0x80, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x5FF),
    (0x600, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1100, 0x11FF),
    (0x1E00, 0x1FFF),
    (0x2000, 0x206F),
    (0x2070, 0x2BFF),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xE000, 0xE0FF),
    (0xFB00, 0xFFFD),
    (0x10000, 0x105FF),
    (0x1D400, 0x1D7FF),
    (0x1F300, 0x1F6FF),
    (0x20000, 0x200FF),
]


def random_char(random, low, high):
    while True:
        char = chr(random.randint(low, high))
        # Characters that are not assigned yet would change their class with a Unicode version.
        if unicodedata.category(char) not in ("Cs", "Cn"):
            return char


def random_unicode(random, length):
    alphabets = random.sample(ALPHABETS, random.randint(1, 4))
    return "".join(random_char(random, *random.choice(alphabets)) for _ in range(length))


def mixed_whitespace(random, length):
    pieces = [*SPACES.values(), "  ", "    ", "\n\n", " \n", "a", "b c", "1", ".", "é", "你"]
    return "".join(random.choice(pieces) for _ in range(length))


def all_texts():
    """The texts of tokens.json: strings, and [unit, times] for long runs."""
    random = Random("texts")
    texts = ["", *prose(), *CODE, *JSONS, *MARKDOWN, *fragments().values()]

    for special in SPECIAL_TOKENS + FOREIGN_TOKENS:
        texts += [f"a{special}b", f"a {special} b", f"{special}\n{special}", f" {special}'s", f"{special} {special}"]
    for end in CONTRACTIONS + ODD_CONTRACTIONS:
        texts += [f"it{end}", f"it{end} ok", f"IT{end}me", f"9{end}", f".{end}", f" {end}", f"\n{end}"]
    texts += [" " * n + "x" for n in (2, 3, 7, 8, 9, 80, 81)] + ["\n" * n + "x" for n in (2, 3, 4, 17)]
    texts += ["x" + " " * n + "\n" * m + " " * n for n in (1, 2, 5) for m in (1, 2)]
    texts += ["\t" * n + "x" for n in (1, 2, 5)] + ["\r\n" * n + "x" for n in (1, 2, 5)]
    texts += [mixed_whitespace(random, random.randint(2, 30)) for _ in range(70)]
    texts += [random_unicode(random, random.randint(1, 40)) for _ in range(110)]
    texts += [sentence(random, 2, 6) for _ in range(25)]
    texts += ["\n".join(random.sample(CODE + JSONS + MARKDOWN, 3)) for _ in range(10)]
    texts += [words(random, count) for count in (10, 50, 200, 500)]
    texts += [random_base64(random, length) for length in (16, 64, 300, 1000)]
    texts += ["%x" % random.getrandbits(bits) for bits in (32, 128, 256)]

    runs = [[unit, times] for unit in ["a", " ", "\n", "_", "\t", "0", "A", "=", ".", "-"] for times in (100, 5000)]
    runs += [["你", 1000], ["的", 1000], ["ก", 1000], ["é", 1000], ["👍", 500], ["👩‍👩‍👧", 200], ["\r\n", 2000], ["\u3000", 1000]]
    runs += [["\x85", 500], ["\ufeff", 500], ["\u200b", 500], ["\0", 500], ["ab", 2500], ["a ", 2500], ["a\n", 2500], [" \n", 2500]]
    runs += [["<|endoftext|>", 300], ["<|endoftext", 300], ["'s", 1000], ["'", 1000], ["1234", 1000], ["word ", 3000], ["!?", 2000]]
    runs += [[PROSE["chinese"][0], 100], [PROSE["english"][2], 100], [JSONS[0], 100], [random_base64(random, 97), 50]]

    unique = list(dict.fromkeys(texts))
    return unique, runs


def random_base64(random, length):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(random.choice(alphabet) for _ in range(length))
