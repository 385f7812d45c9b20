"""The shop's words: what it sells, in English, Chinese and Japanese, and how people ask for it.

Of several words with one meaning (separated by `|`) the first is the usual one. Japanese is the language the shop
does not speak yet: the fault `new_language` brings it in.
"""

from typing import Final, NamedTuple


class Words(NamedTuple):
    """One meaning in three languages; each language has one or more words, the usual one first."""

    en: tuple[str, ...]
    zh: tuple[str, ...]
    ja: tuple[str, ...]


class Category(NamedTuple):
    """A shelf of the shop: its name, its words, what its products can be, and whether they are for somebody."""

    name: str
    words: Words
    features: tuple[str, ...]
    gendered: bool


class ProductType(NamedTuple):
    """A kind of product: its category, its words and its median price."""

    name: str
    category: str
    words: Words
    price: float


class BroadWord(NamedTuple):
    """Words that stand for several product types at once, such as sneakers."""

    words: Words
    types: tuple[str, ...]


def _words(en: str, zh: str, ja: str) -> Words:
    return Words(tuple(en.split("|")), tuple(zh.split("|")), tuple(ja.split("|")))


def _category(name: str, en: str, zh: str, ja: str, features: str, *, gendered: bool = False) -> Category:
    return Category(name, _words(en, zh, ja), tuple(features.split()), gendered)


def _types(category: str, *rows: tuple[str, str, str, float]) -> tuple[ProductType, ...]:
    return tuple(
        ProductType(en.split("|")[0].replace(" ", "-"), category, _words(en, zh, ja), price)
        for en, zh, ja, price in rows
    )


GENDERS: Final = {
    "men": _words("men's|mens|for men", "男士|男款|男", "メンズ"),
    "women": _words("women's|womens|for women|ladies", "女士|女款|女", "レディース"),
    "kids": _words("kids|children's|for kids", "儿童|童款|小孩", "キッズ"),
}

COLOURS: Final = {
    "black": _words("black", "黑色", "ブラック"),
    "white": _words("white", "白色", "ホワイト"),
    "red": _words("red", "红色", "レッド"),
    "blue": _words("blue|navy", "蓝色|深蓝", "ブルー"),
    "green": _words("green", "绿色", "グリーン"),
    "grey": _words("grey|gray", "灰色", "グレー"),
    "pink": _words("pink", "粉色|粉红色", "ピンク"),
    "brown": _words("brown", "棕色|咖啡色", "ブラウン"),
}

FEATURES: Final = {
    "breathable": _words("breathable|mesh", "透气|网面", "つうきせい"),
    "waterproof": _words("waterproof|water resistant", "防水", "ぼうすい"),
    "lightweight": _words("lightweight|light", "轻便|轻量", "けいりょう"),
    "non-slip": _words("non-slip|anti-slip", "防滑", "すべりどめ"),
    "leather": _words("leather|genuine leather", "真皮|皮质", "レザー"),
    "warm": _words("warm|thermal", "保暖|加厚", "あったか"),
    "cotton": _words("cotton|pure cotton", "纯棉|棉质", "コットン"),
    "quick-dry": _words("quick dry|fast drying", "速干", "そっかん"),
    "loose": _words("loose fit|oversized", "宽松|大码", "ゆったり"),
    "foldable": _words("foldable|folding|collapsible", "折叠|可折叠", "おりたたみ"),
    "large": _words("large|large capacity|big", "大容量|大号", "おおきい"),
    "mini": _words("mini|small|compact", "迷你|小型|小号", "ミニ"),
    "portable": _words("portable|travel", "便携|旅行", "ポータブル"),
    "stainless": _words("stainless steel|steel", "不锈钢", "ステンレス"),
    "glass": _words("glass", "玻璃", "ガラス"),
    "ceramic": _words("ceramic", "陶瓷", "セラミック"),
    "electric": _words("electric", "电动", "でんどう"),
    "smart": _words("smart|intelligent", "智能", "スマート"),
    "silent": _words("silent|quiet", "静音", "せいおん"),
    "wireless": _words("wireless|cordless", "无线", "ワイヤレス"),
    "bluetooth": _words("bluetooth", "蓝牙", "ブルートゥース"),
    "fast-charging": _words("fast charging|quick charge", "快充|快速充电", "きゅうそくじゅうでん"),
    "noise-cancelling": _words("noise cancelling", "降噪", "ノイズキャンセリング"),
    "gaming": _words("gaming", "电竞|游戏", "ゲーミング"),
    "hd": _words("hd|high definition", "高清", "こうがしつ"),
    "moisturizing": _words("moisturizing|hydrating", "保湿|补水", "ほしつ"),
    "gentle": _words("gentle|for sensitive skin", "温和|敏感肌", "ていしげき"),
    "natural": _words("natural|organic", "天然|有机", "オーガニック"),
    "soft": _words("soft", "柔软", "やわらかい"),
    "adjustable": _words("adjustable", "可调节", "ちょうせつ"),
    "wooden": _words("wooden|solid wood", "实木|木质", "もくせい"),
    "modern": _words("modern|minimalist", "现代|简约", "モダン"),
    "sugar-free": _words("sugar free|no sugar", "无糖", "シュガーフリー"),
    "gift-box": _words("gift box|gift set", "礼盒|礼盒装", "ギフト"),
    "professional": _words("professional|pro", "专业", "プロ"),
    "outdoor": _words("outdoor", "户外", "アウトドア"),
    "rechargeable": _words("rechargeable|usb rechargeable", "充电式|可充电", "じゅうでんしき"),
}

CATEGORIES: Final = (
    _category(
        "shoes",
        "shoes|footwear",
        "鞋子|鞋",
        "くつ",
        "breathable waterproof lightweight non-slip leather warm",
        gendered=True,
    ),
    _category(
        "clothing",
        "clothes|clothing",
        "衣服|服装",
        "ようふく",
        "cotton warm loose quick-dry breathable waterproof",
        gendered=True,
    ),
    _category(
        "bags",
        "bags|bags and luggage",
        "箱包|包包",
        "かばん",
        "waterproof large mini leather foldable lightweight",
        gendered=True,
    ),
    _category(
        "kitchen",
        "kitchenware|cookware",
        "厨具|厨房用品",
        "キッチンようひん",
        "stainless glass ceramic non-slip large mini",
    ),
    _category("appliances", "home appliances", "家用电器|家电", "かでん", "smart silent stainless mini large portable"),
    _category(
        "phones",
        "phone accessories",
        "手机配件",
        "スマホアクセサリー",
        "fast-charging wireless portable waterproof mini foldable",
    ),
    _category(
        "audio",
        "audio|sound",
        "音响设备|音频",
        "オーディオ",
        "bluetooth wireless noise-cancelling gaming portable waterproof",
    ),
    _category(
        "computers",
        "computers|computer accessories",
        "电脑配件|电脑",
        "パソコン",
        "gaming wireless silent hd rechargeable bluetooth",
    ),
    _category(
        "beauty", "beauty|cosmetics", "美妆|化妆品", "コスメ", "moisturizing gentle natural gift-box waterproof mini"
    ),
    _category(
        "baby", "baby products", "母婴用品", "ベビーようひん", "soft cotton foldable gentle portable lightweight"
    ),
    _category(
        "sports",
        "sports equipment|fitness",
        "运动器材|健身",
        "スポーツようひん",
        "professional non-slip adjustable foldable outdoor lightweight",
    ),
    _category(
        "bedding", "bedding|home textiles", "床上用品|家纺", "しんぐ", "cotton soft warm breathable large natural"
    ),
    _category("furniture", "furniture", "家具", "かぐ", "wooden modern foldable adjustable large leather"),
    _category("toys", "toys", "玩具", "おもちゃ", "wooden electric soft gift-box large mini"),
    _category("food", "snacks|food", "食品|零食", "たべもの", "sugar-free natural gift-box large mini"),
    _category("pets", "pet supplies", "宠物用品", "ペットようひん", "natural large mini soft waterproof portable"),
    _category(
        "tools",
        "tools|hardware",
        "五金工具|工具",
        "こうぐ",
        "electric rechargeable professional portable stainless adjustable",
    ),
    _category(
        "stationery",
        "stationery|office supplies",
        "文具|办公用品",
        "ぶんぼうぐ",
        "leather portable gift-box mini large waterproof",
    ),
)

TYPES: Final = (
    *_types(
        "shoes",
        ("running shoes|running sneakers|jogging shoes", "跑步鞋|跑鞋", "ランニングシューズ", 299),
        ("basketball shoes|basketball sneakers", "篮球鞋", "バスケットシューズ", 459),
        ("training shoes|gym shoes", "训练鞋|健身鞋", "トレーニングシューズ", 329),
        ("hiking boots|hiking shoes", "登山鞋|徒步鞋", "ハイキングブーツ", 399),
        ("sandals", "凉鞋", "サンダル", 129),
        ("slippers|house slippers", "拖鞋|棉拖", "スリッパ", 39),
        ("high heels|heels|pumps", "高跟鞋", "ハイヒール", 259),
    ),
    *_types(
        "clothing",
        ("t-shirt|tee|tshirt", "T恤|短袖", "ティーシャツ", 79),
        ("jeans|denim pants", "牛仔裤", "ジーンズ", 199),
        ("down jacket|puffer jacket", "羽绒服", "ダウンジャケット", 599),
        ("dress|gown", "连衣裙|裙子", "ワンピース", 239),
        ("hoodie|sweatshirt", "卫衣|连帽衫", "パーカー", 159),
        ("socks", "袜子", "くつした", 29),
        ("raincoat|rain jacket", "雨衣", "レインコート", 89),
    ),
    *_types(
        "bags",
        ("backpack|rucksack", "双肩包|背包|书包", "リュックサック", 199),
        ("suitcase|luggage|trolley case", "行李箱|拉杆箱", "スーツケース", 399),
        ("handbag|purse", "手提包|女包", "ハンドバッグ", 359),
        ("wallet", "钱包|钱夹", "さいふ", 149),
    ),
    *_types(
        "kitchen",
        ("frying pan|skillet", "平底锅|煎锅", "フライパン", 159),
        ("wok", "炒锅|铁锅", "ちゅうかなべ", 189),
        ("knife set|kitchen knives", "刀具套装|菜刀", "ほうちょうセット", 229),
        ("water bottle|thermos|flask", "保温杯|水杯", "すいとう", 89),
        ("lunch box|bento box", "饭盒|便当盒", "べんとうばこ", 59),
        ("chopsticks", "筷子", "おはし", 25),
    ),
    *_types(
        "appliances",
        ("kettle|electric kettle|water boiler", "电水壶|热水壶|烧水壶", "でんきケトル", 129),
        ("rice cooker", "电饭煲|电饭锅", "すいはんき", 299),
        ("vacuum cleaner|hoover", "吸尘器", "そうじき", 799),
        ("air purifier|air cleaner", "空气净化器", "くうきせいじょうき", 999),
        ("hair dryer|blow dryer", "吹风机|电吹风", "ドライヤー", 199),
        ("air fryer", "空气炸锅", "エアフライヤー", 349),
        ("fan|electric fan", "电风扇|风扇", "せんぷうき", 149),
    ),
    *_types(
        "phones",
        ("phone case|phone cover", "手机壳|手机套", "スマホケース", 39),
        ("power bank|portable charger", "充电宝|移动电源", "モバイルバッテリー", 129),
        ("charger|phone charger|usb charger", "充电器|充电头", "じゅうでんき", 69),
        ("screen protector|tempered glass", "钢化膜|手机膜", "ほごフィルム", 25),
        ("phone holder|phone stand", "手机支架", "スマホスタンド", 35),
    ),
    *_types(
        "audio",
        ("headphones|headset|over-ear headphones", "头戴式耳机|耳麦", "ヘッドホン", 399),
        ("earbuds|earphones|in-ear headphones", "入耳式耳机|耳塞", "イヤホン", 199),
        ("speaker|loudspeaker", "音箱|音响", "スピーカー", 299),
        ("microphone|mic", "麦克风|话筒", "マイク", 189),
    ),
    *_types(
        "computers",
        ("laptop|notebook computer", "笔记本电脑|手提电脑", "ノートパソコン", 4999),
        ("keyboard|mechanical keyboard", "键盘|机械键盘", "キーボード", 259),
        ("mouse|computer mouse", "鼠标", "マウス", 99),
        ("monitor|computer screen", "显示器|电脑屏幕", "モニター", 1299),
        ("tablet|tablet computer", "平板电脑|平板", "タブレット", 1999),
    ),
    *_types(
        "beauty",
        ("lipstick|lip colour", "口红|唇膏", "くちべに", 129),
        ("face cream|moisturizer|day cream", "面霜|乳液", "フェイスクリーム", 189),
        ("shampoo", "洗发水|洗发露", "シャンプー", 59),
        ("sunscreen|sunblock", "防晒霜|防晒", "ひやけどめ", 99),
        ("face mask|sheet mask", "面膜", "フェイスパック", 79),
        ("perfume|fragrance", "香水", "こうすい", 399),
    ),
    *_types(
        "baby",
        ("diapers|nappies", "纸尿裤|尿不湿", "おむつ", 119),
        ("stroller|pram|pushchair", "婴儿车|婴儿推车", "ベビーカー", 699),
        ("baby bottle|feeding bottle", "奶瓶", "ほにゅうびん", 69),
        ("infant formula|milk powder", "奶粉", "こなミルク", 259),
    ),
    *_types(
        "sports",
        ("yoga mat|exercise mat", "瑜伽垫", "ヨガマット", 79),
        ("dumbbells|weights", "哑铃", "ダンベル", 149),
        ("bicycle|bike", "自行车|单车", "じてんしゃ", 1299),
        ("tent|camping tent", "帐篷", "テント", 349),
        ("badminton racket", "羽毛球拍", "バドミントンラケット", 199),
        ("swimming goggles|swim goggles", "泳镜", "ゴーグル", 69),
    ),
    *_types(
        "bedding",
        ("pillow", "枕头|枕芯", "まくら", 99),
        ("duvet|quilt|comforter", "被子|棉被", "かけぶとん", 259),
        ("bed sheets|sheet set", "床单|四件套", "シーツ", 199),
        ("towel|bath towel", "毛巾|浴巾", "タオル", 49),
        ("curtains|drapes", "窗帘", "カーテン", 149),
    ),
    *_types(
        "furniture",
        ("sofa|couch", "沙发", "ソファ", 1999),
        ("desk|writing desk", "书桌|办公桌", "つくえ", 599),
        ("office chair|desk chair", "办公椅|电脑椅", "オフィスチェア", 499),
        ("bookshelf|bookcase", "书架|书柜", "ほんだな", 299),
        ("table lamp|desk lamp", "台灯", "デスクランプ", 129),
    ),
    *_types(
        "toys",
        ("building blocks|toy bricks", "积木", "ブロックおもちゃ", 129),
        ("doll", "洋娃娃|娃娃", "にんぎょう", 89),
        ("puzzle|jigsaw puzzle", "拼图", "パズル", 49),
        ("teddy bear|plush toy|stuffed animal", "毛绒玩具|玩偶", "ぬいぐるみ", 69),
        ("toy car|remote control car", "玩具车|遥控车", "ミニカー", 99),
    ),
    *_types(
        "food",
        ("green tea|tea leaves", "绿茶|茶叶", "りょくちゃ", 89),
        ("coffee beans|coffee", "咖啡豆|咖啡", "コーヒーまめ", 79),
        ("chocolate", "巧克力", "チョコレート", 59),
        ("instant noodles|ramen", "方便面|泡面", "インスタントラーメン", 29),
        ("nuts|mixed nuts", "坚果|混合坚果", "ナッツ", 69),
        ("honey", "蜂蜜", "はちみつ", 79),
    ),
    *_types(
        "pets",
        ("cat litter|kitty litter", "猫砂", "ねこすな", 49),
        ("dog food", "狗粮", "ドッグフード", 159),
        ("cat food", "猫粮", "キャットフード", 149),
        ("dog leash|dog lead", "牵引绳|狗绳", "リード", 39),
    ),
    *_types(
        "tools",
        ("drill|power drill", "电钻|手电钻", "ドリル", 299),
        ("screwdriver|screwdriver set", "螺丝刀|螺丝刀套装", "ドライバーセット", 59),
        ("flashlight|torch", "手电筒|电筒", "かいちゅうでんとう", 79),
        ("ladder|step ladder", "梯子|人字梯", "はしご", 199),
    ),
    *_types(
        "stationery",
        ("notebook|journal", "笔记本|记事本", "ノート", 25),
        ("fountain pen|pen", "钢笔", "まんねんひつ", 99),
        ("pencil case|pen bag", "笔袋|文具盒", "ふでばこ", 35),
        ("calculator", "计算器", "でんたく", 59),
    ),
)

BROAD_WORDS: Final = (
    BroadWord(
        _words("sneakers|sports shoes|trainers|athletic shoes", "运动鞋|球鞋", "スニーカー"),
        ("running-shoes", "basketball-shoes", "training-shoes"),
    ),
    BroadWord(_words("hot water kettle", "水壶", "ケトル"), ("kettle",)),
    BroadWord(_words("earphones and headphones|headphone", "耳机", "ヘッドセット"), ("headphones", "earbuds")),
    BroadWord(_words("pan|pot", "锅", "なべ"), ("frying-pan", "wok")),
    BroadWord(_words("skin care|skincare", "护肤品", "スキンケア"), ("face-cream", "face-mask", "sunscreen")),
    BroadWord(_words("pet food", "宠物粮", "ペットフード"), ("dog-food", "cat-food")),
    BroadWord(_words("coat|jacket", "外套", "ジャケット"), ("down-jacket", "raincoat")),
    BroadWord(_words("camping gear", "露营装备", "キャンプようひん"), ("tent", "hiking-boots", "flashlight")),
)

BRANDS: Final = tuple(
    _words(en, zh, ja)
    for en, zh, ja in (
        ("Norvik", "诺维克", "ノルビク"),
        ("Lanmu", "蓝木", "ランム"),
        ("Arvello", "阿维罗", "アルベロ"),
        ("Qingshan", "青山", "チンシャン"),
        ("Tessara", "泰莎", "テッサラ"),
        ("Yuntu", "云途", "ユントゥ"),
        ("Brindle", "布林德", "ブリンドル"),
        ("Haoyue", "皓月", "ハオユエ"),
        ("Cobalta", "柯博", "コバルタ"),
        ("Xingchen", "星辰", "シンチェン"),
        ("Peregrin", "派睿", "ペレグリン"),
        ("Songhe", "松鹤", "ソンホー"),
        ("Velanto", "维兰", "ベラント"),
        ("Jiuyang Home", "久阳居家", "ジウヤン"),
        ("Oakmere", "橡湖", "オークミア"),
        ("Lingfeng", "凌峰", "リンフォン"),
        ("Mirelle", "米蕾", "ミレイユ"),
        ("Baihe", "百禾", "バイホー"),
        ("Stratum", "石川", "ストラタム"),
        ("Kairo", "凯若", "カイロ"),
    )
)
