-- Names of persons and firms, folded first (see names.py). Macros, so that comparisons can be written over them.

-- surname: the compound surnames in use, otherwise the first character; NULL for names of one character.
CREATE OR REPLACE TEMP MACRO surname(fold) AS (
    CASE WHEN length(fold) < 2 THEN NULL
        WHEN length(fold) > 2 AND regexp_matches(fold, '^(欧阳|太史|端木|上官|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|公羊|赫连|澹台|皇甫|宗政|濮阳|公冶|太叔|申屠|公孙|慕容|仲孙|钟离|长孙|宇文|司徒|鲜于|司空|闾丘|子车|亓官|司寇|巫马|公西|颛孙|壤驷|公良|漆雕|乐正|宰父|谷梁|拓跋|夹谷|轩辕|令狐|段干|百里|呼延|东郭|南门|羊舌|微生|公户|公玉|梁丘|左丘|东门|西门|第五)')
            THEN left(fold, 2)
        ELSE left(fold, 1) END
);

-- one_off: texts that differ in one character: of the same length (from three characters on, or a surname would be
-- enough), or with one character more. DuckDB's own edit distances count bytes, of which a Chinese character has three.
CREATE OR REPLACE TEMP MACRO one_off(a, b) AS (
    CASE
        WHEN length(a) = length(b) THEN length(a) > 2 AND list_sum(list_transform(range(1, length(a) + 1),
            lambda i: CASE WHEN substr(a, i, 1) = substr(b, i, 1) THEN 0 ELSE 1 END)) = 1
        WHEN abs(length(a) - length(b)) = 1 AND least(length(a), length(b)) > 1
            THEN list_bool_or(list_transform(range(0, least(length(a), length(b)) + 1), lambda i:
                CASE WHEN length(a) > length(b) THEN left(a, i) || substr(a, i + 2) = b
                    ELSE left(b, i) || substr(b, i + 2) = a END))
        ELSE false END
);

-- firm_place: a province, city or district as firm names begin with it, 深圳市福田区. 超市 and 工业园区 are no places.
CREATE OR REPLACE TEMP MACRO firm_place() AS (
    '(?:中国)?'
    || '(?:(?:北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州'
    || '|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门)(?:省|市|自治区|特别行政区|壮族自治区|回族自治区|维吾尔自治区)?)?'
    || '(?:(?:深圳|广州|东莞|惠州|珠海|佛山|中山|杭州|南京|武汉|成都|西安|苏州|厦门)市?|\p{Han}{1,3}[^超门集都夜菜花\P{Han}]市|\p{Han}{2}州)?'
    || '(?:(?:福田|罗湖|南山|盐田|宝安|龙岗|龙华|坪山|光明|前海|大鹏)(?:新区|区)?|\p{Han}{1,3}[^园社小校厂景学山库\P{Han}]区|\p{Han}{1,3}县)?'
);

-- What a firm is: the form at the end of its name (有限公司, 商行 …), and before it its trade.
CREATE OR REPLACE TEMP MACRO firm_form() AS (
    '(?:股份有限公司|有限责任公司|有限公司|集团公司|总公司|公司|集团|合伙企业\((?:有限|普通|特殊普通)合伙\)|合伙企业|个人独资企业'
    || '|事务所\((?:有限|普通|特殊普通)合伙\)|事务所|股份合作公司|专业合作社|合作社|商贸行|商行|车行|银行|药行|商店|分店|门店|经营部|服务部|咨询部|营业部|贸易部|门市部'
    || '|工作室|服务站|经营店|专卖店|便利店|药店|餐馆|餐厅|饭店|酒店|酒楼|茶馆|宾馆|超市|百货|市场|中心|学校|幼儿园|医院|诊所|门诊部|研究院'
    || '|研究所|协会|商会|学会|基金会|工会|联合会|俱乐部|委员会|工厂|加工厂|食堂|工坊|书院|书店|[店馆厅部行坊社厂院所铺吧档场站屋])'
);

CREATE OR REPLACE TEMP MACRO firm_trade() AS (
    '(?:(?:与|及|和)?(?:信息技术|信息科技|信息咨询|信息|电子商务|电子科技|电子|网络科技|网络|互联网|软件开发|软件|生物科技|生物技术|生物|新能源|能源|新材料|材料'
    || '|环保科技|环保|智能科技|智能|科技发展|科技|技术|计算机|通信|通讯|数码|光电|半导体|自动化|机电|机械|设备|仪器|电气|电器|五金|塑胶|塑料|模具|化工|建材'
    || '|建筑工程|建筑装饰|建筑|装饰工程|装饰设计|装饰|装修|园林绿化|园林|工程|设计|文化传媒|文化传播|文化艺术|文化创意|文化|传媒|影视|广告|艺术|教育咨询|教育科技'
    || '|教育培训|教育|培训|企业管理|商业管理|管理咨询|管理|咨询|投资|资产|资本|基金|金融|保险|融资租赁|租赁|担保|典当|商业保理|保理|实业|产业|控股|商贸|贸易'
    || '|进出口|供应链|物流|货运|运输|快递|仓储|国际货运代理|货运代理|代理|国际|物业服务|物业管理|物业|房地产经纪|房地产开发|房地产|地产|置业|酒店管理|酒店|餐饮管理'
    || '|餐饮服务|餐饮|食品|饮品|茶业|烟酒|酒业|农业|水果|生鲜|粮油|医疗器械|医疗|医药|药业|大药房|健康|养生|保健|口腔|中医|美容美发|美容|美发|化妆品|服装|服饰|鞋业'
    || '|皮具|箱包|纺织|珠宝首饰|珠宝|黄金|钟表|眼镜|礼品|玩具|文具|办公|印刷|包装|家具|家居|家政服务|家政|保洁|清洁|安防|保安|人力资源|劳务派遣|劳务|会计|税务'
    || '|财务|律师|法律|知识产权|商标|检测|认证|旅行|旅游|体育|健身|娱乐|游戏|动漫|摄影|婚庆|会展|展览|汽车美容|汽车服务|汽车维修|汽车销售|汽车|车业|电力|水务|照明'
    || '|发展|开发|服务|销售|维修|批发|零售|日用|百货|宠物|花卉|图书|音乐|舞蹈|便利|早餐|小吃|奶茶|咖啡|面|饭|理发))+'
);

CREATE OR REPLACE TEMP MACRO firm_branch() AS (
    '\p{Han}{0,10}(?:第?[一二三四五六七八九十0-9]{0,3}(?:分公司|分店|分行|支行|支公司|分部|分社|分所|办事处|营业部|门店|代表处))'
);
