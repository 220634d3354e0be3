-- Everything random is a function of a key (seed, item, row) and a salt: the same for any thread count or order. The
-- engine's hash of several values is the XOR of theirs, so that two salts of one key would move together (correlation
-- -0.9): what is drawn is hashed once more.
CREATE OR REPLACE MACRO draw(a) AS hash(a),
    (a, b) AS hash(hash(a, b)),
    (a, b, c) AS hash(hash(a, b, c));
CREATE OR REPLACE MACRO rnd(k, salt) AS CAST(draw(k, salt) >> 11 AS DOUBLE) / 9007199254740992.0;
CREATE OR REPLACE MACRO between_int(k, salt, low, high) AS CAST(low + draw(k, salt) % (high - low + 1) AS INTEGER);

-- Names that nobody need bear. Surnames by their share among 1,000 people [M], given names of one or two characters.
CREATE OR REPLACE MACRO made_surname(k) AS substr(
    '王王王王王王王王王王王王王王李李李李李李李李李李李李李李张张张张张张张张张张张张张刘刘刘刘刘刘刘刘刘刘陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈杨杨杨杨杨杨黄黄黄黄黄黄黄黄黄黄黄黄赵赵赵赵吴吴吴吴吴吴吴周周周周周周徐徐徐徐孙孙孙马马马朱朱朱胡胡胡郭郭郭何何何何林林林林林林林林林林罗罗罗罗高高郑郑郑郑梁梁梁梁梁谢谢谢谢宋唐唐许许许韩冯冯邓邓邓曹彭彭曾曾曾肖肖田董潘潘袁蔡蔡蔡蒋余余余于杜叶叶叶程魏苏苏吕丁任卢卢姚沈钟钟钟姜崔谭谭陆陆范汪廖廖石金韦贾夏付方邹邹熊白孟秦邱邱侯江江尹薛闫雷龙黎黎史陶贺毛郝龚邵万覃武钱戴莫严欧孔向常汤温康施洪',
    1 + CAST(k % 263 AS INTEGER), 1);
CREATE OR REPLACE MACRO given_char(k, sex) AS substr(
    CASE WHEN sex = '1' THEN '伟强磊军勇涛明超杰刚平辉鹏建文斌志国海波宇浩俊峰凯旭东林飞龙华江成健庆亮新松毅天翔子轩泽睿博远嘉俊豪家豪永锋振荣世昌启航思源一鸣'
         ELSE '芳娜敏静丽艳娟霞秀燕玲桂英华玉兰红梅婷雪琳慧颖莹倩瑶欣怡佳雯悦诗雨晨曦梓涵紫萱思琪嘉怡晓文小丽美玲春凤淑珍惠清雅若兰心语婉宁可馨' END,
    1 + CAST(k % 64 AS INTEGER), 1);
CREATE OR REPLACE MACRO given_name(k, sex) AS
    given_char(draw(k, 1), sex) || CASE WHEN draw(k, 2) % 100 < 82 THEN given_char(draw(k, 3), sex) ELSE '' END;
CREATE OR REPLACE MACRO made_name(k) AS made_surname(draw(k, 5)) || given_name(k, CASE WHEN k % 2 = 0 THEN '1' ELSE '2' END);
-- One of 60 people who work for a unit.
CREATE OR REPLACE MACRO staff_name(unit, k) AS made_name(draw(unit, k % 60));
CREATE OR REPLACE MACRO made_phone(k) AS
    '1' || (['30', '31', '32', '33', '34', '35', '36', '37', '38', '39', '50', '51', '52', '53', '55', '58', '59', '76', '77', '78',
             '80', '81', '82', '83', '85', '86', '87', '88', '89', '90', '98'])[1 + CAST(draw(k, 11) % 31 AS INTEGER)]
        || lpad(CAST(1 + draw(k, 12) % 99999998 AS VARCHAR), 8, '0');
CREATE OR REPLACE MACRO made_brand(k) AS
    substr('鼎恒瑞盛嘉合泰源宏远众信博创启明汇通安达华兴天诚金荣海润中正新世永联星辰德胜利康和美佳科智云微优品尚凡思锐捷迅飞腾宇宙丰茂万顺昌隆福祥裕国富', 1 + CAST(draw(k, 21) % 70 AS INTEGER), 1)
    || substr('达鑫辉耀腾翔源泽洋航诚信维益康安嘉德美凯帆晟铭睿泓锦旺茂隆祥瑞和兴联创博智讯迪盟邦亿特尔森威赛格乐派朗诺尼微云', 1 + CAST(draw(k, 22) % 55 AS INTEGER), 1)
    || CASE WHEN draw(k, 23) % 3 = 0 THEN substr('鑫泰洲峰晖琪彤宸楷茗泉汐岚玖霖瀚', 1 + CAST(draw(k, 24) % 16 AS INTEGER), 1) ELSE '' END;
CREATE OR REPLACE MACRO made_trade(k) AS
    (['科技', '贸易', '商贸', '电子', '投资', '餐饮管理', '文化传播', '咨询', '建筑工程', '物业管理', '物流', '信息技术', '供应链', '广告', '装饰工程',
      '教育咨询', '医疗器械', '网络', '服饰', '珠宝', '酒店管理', '环保', '人力资源', '企业服务'])[1 + CAST(draw(k, 25) % 24 AS INTEGER)];
CREATE OR REPLACE MACRO made_firm(k) AS '深圳市' || made_brand(k) || made_trade(k) || '有限公司';

-- GB/T 36904: type, issuer, serial of 20 digits, version, and the check character over all of them.
CREATE OR REPLACE MACRO electronic_licence_id(n) AS '1.2.156.3005.2.11440304FT0000320K001.11440304FT0000320K.' || printf('%020d', n)
    || '.001.' || mod_37_36('11440304FT0000320K00111440304FT0000320K' || printf('%020d', n) || '001');
