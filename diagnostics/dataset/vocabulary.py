"""The names that shops give to their columns, in English and Japanese, by the role that the column plays.

These are words of the shop's files, not words we show. A name is compared after ``plain_name``: full-width signs made ordinary,
lower case, no blanks and punctuation. ``商品コード``, ``Product ID`` and ``product_id`` are all found here.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

__all__ = ["NAMES", "ORDER_WORDS", "name_score", "nearest", "plain_name"]

_WORDS: dict[str, str] = {
    "item_id": """
        itemid articleid productid itemcode productcode articlecode sku skuid skucode asin parentasin goodsid
        goodscode goodsno itemno productno articleno prodid prodcode stockcode jan jancode ean gtin upc isbn movieid
        bookid item product article 商品id 商品コード 商品番号 商品no 商品管理番号 品番 品目コード アイテムid
        アイテムコード janコード 製品id 製品コード 製品番号 自社品番 型番 物品コード 作品id 書籍id 管理番号
    """,
    "user_id": """
        userid customerid memberid customercode usercode customerno memberno customernumber membernumber accountid
        clientid buyerid shopperid visitorid reviewerid uid householdkey cardno user customer member buyer 会員id
        会員番号 会員コード 会員no 顧客id 顧客番号 顧客コード 顧客no ユーザーid ユーザid ユーザー ユーザ 利用者id
        お客様番号 お客様id 購入者id 購入者 得意先コード 得意先番号 カード番号 会員 顧客
    """,
    "timestamp": """
        timestamp datetime date time orderdate orderdatetime orderedat purchasedate purchasedat purchasetime
        purchasedatetime transactiondate transactiontime tdat invoicedate createdat boughtat eventtime eventtimestamp
        saledate salesdate transactiondt orderdt purchasedt eventdate ts
        購入日 購入日時 購買日 購買日時 注文日 注文日時 受注日 受注日時 売上日 売上日時 取引日
        取引日時 販売日 販売日時 利用日 利用日時 決済日時 来店日 来店日時 日付 日時 年月日 タイムスタンプ 発生日時
        閲覧日時
    """,
    "price": """
        price unitprice salesprice saleprice sellingprice listprice retailprice itemprice productprice 価格 販売価格
        単価 定価 売価 税込価格 税抜価格 本体価格 商品価格 通常価格 販売単価 購入価格 購入単価 価格(税込) 値段
    """,
    "quantity": """
        quantity qty units count 数量 個数 点数 購入数 購入数量 購入個数 購入点数 販売数 販売数量 注文数 注文数量
    """,
    "amount": """
        amount total totalprice totalamount linetotal subtotal sales revenue purchaseamount 金額 購入金額 購買金額
        注文金額 合計 合計金額 売上 売上金額 売上高 小計 支払金額 税込金額
    """,
    "event_type": """
        eventtype event action behavior behaviour behaviortype interactiontype actiontype イベント イベント種別 行動
        行動種別 アクション 行動タイプ 取引区分 売上区分 行動区分 イベントタイプ イベント名
    """,
    "rating": """
        rating ratings stars starrating reviewrating reviewscore ratingvalue ratingscore overall score 評価 評価点 評点 評価値
        レビュー評価 レビュー点数 総合評価 星 星数 レーティング スコア 満足度
    """,
    "product": """
        productcode productgroupid itemgroupid parentsku parentid parentcode parentasin parentproductid parentitemid mastercode
        masterid masterproductid modelcode modelno modelnumber modelid stylecode styleno styleid stylenumber basecode basesku
        handle 親商品コード 親商品番号 親商品id 親品番 親sku 代表商品コード 商品グループコード グループコード スタイルコード
        モデル番号 モデルコード
    """,
    "title": """
        title name productname itemname articlename prodname producttitle itemtitle goodsname 商品名 商品名称 品名
        製品名 アイテム名 品目名 名称 タイトル 商品タイトル 作品名 書名
    """,
    "description": """
        description desc detaildesc productdescription itemdescription longdescription shortdescription details detail
        body 説明 説明文 商品説明 商品説明文 詳細 商品詳細 概要 紹介文 商品紹介 商品紹介文 キャッチコピー 商品コメント
    """,
    "category": """
        category categories categoryname maincategory subcategory genre genres producttype producttypename type brand
        brandname color colour material size gender season department departmentname section productgroup pattern
        style shape カテゴリ カテゴリー カテゴリ名 カテゴリー名 商品カテゴリ 商品カテゴリー 分類 商品分類 大分類
        中分類 小分類 ジャンル 部門 色 カラー ブランド ブランド名 素材 材質 サイズ 性別 シーズン 柄 形 形状 スタイル
        季節
    """,
    "image": """
        image imageurl imagepath imagefile imagefilename imagename img imgurl picture photo photourl thumbnail 画像
        画像ファイル 画像ファイル名 画像パス 画像url 商品画像 写真 商品写真 画像名 サムネイル
    """,
    "added": """
        added addedat addeddate addedon dateadded created createdat createdon creationdate launched launchdate launchedat
        released releasedate releasedat publishdate publisheddate publicationdate publishedat onlinedate listingdate listedat
        firstavailable datefirstavailable introducedon availablefrom 登録日 登録日時 商品登録日 発売日 発売開始日 販売開始日
        販売開始日時 掲載日 掲載開始日 公開日 公開日時 取扱開始日 入荷日 新着日 リリース日 出版日 刊行日
    """,
}

NAMES: dict[str, tuple[str, ...]] = {role: tuple(words.split()) for role, words in _WORDS.items()}
"""Role -> names, the likelier first."""

ORDER_WORDS = re.compile(
    r"order|invoice|transaction|receipt|session|basket|注文|伝票|レシート|取引|受注|セッション|明細", re.IGNORECASE
)
"""A column named like this holds numbers of purchases, not of people."""

_WHOLE_ONLY_WORDS = """
    item product article user customer member buyer name event time count type total sales detail body style ts size jan sku uid
    action shape rating overall score stars added created launched released handle
    評価 星 スコア 会員 顧客 購入者 売上 形 色 柄 説明 詳細 合計 名称
"""
_WHOLE_ONLY = frozenset(_WHOLE_ONLY_WORDS.split())
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain_name(name: str) -> str:
    """A column's name without what does not distinguish it."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def name_score(name: str, role: str) -> float:
    """How much a column's name speaks for a role: 1 for a usual name, less when it only contains one, 0 when it says nothing."""
    plain = plain_name(name)
    names = [plain_name(known) for known in NAMES[role]]
    if plain in names:
        return 1.0 - 0.1 * names.index(plain) / len(names)
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", name))
    words = [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]
    runs = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    within = [
        known
        for known in names
        if known not in _WHOLE_ONLY and (known in runs if known.isascii() else len(known) > 1 and known in plain)
    ]
    return 0.5 + 0.35 * max(len(known) for known in within) / len(plain) if within else 0.0


def nearest(word: str, choices: Sequence[str]) -> str:
    """The choice that is spelt most like a word, whatever the case; "" without choices."""
    folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.0)
    return folded[close[0]] if close else ""
